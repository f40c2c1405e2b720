"""datatrove: its four MinHash stages from texts to the texts it keeps, its own defaults (FineWeb: 14 buckets of 8)."""

import sys
import tempfile
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig
from measured import cpu, report

folder = tempfile.mkdtemp()
source = Path(sys.argv[1])
config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64))
reader = JsonlReader(str(source.parent), glob_pattern=source.name)
stages = [
    [reader, MinhashDedupSignature(f"{folder}/signatures", config, language="eng")],
    [MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)],
    [MinhashDedupCluster(f"{folder}/buckets", f"{folder}/removed", config=config)],
    [reader, MinhashDedupFilter(f"{folder}/removed"), JsonlWriter(f"{folder}/kept", compression=None)],
]
tasks = [1, config.num_buckets, 1, 1]
start = cpu()
for number, (pipeline, count) in enumerate(zip(stages, tasks, strict=True)):
    logs = f"{folder}/logs/{number}"
    LocalPipelineExecutor(pipeline, tasks=count, workers=1, logging_dir=logs).run()
seconds = cpu() - start
kept = sum(1 for path in Path(folder, "kept").glob("*") for _ in path.open(encoding="utf-8"))
report("datatrove", "signatures, buckets, cluster, filter; 14 buckets of 8, 5-grams, English words", seconds, kept=kept)
