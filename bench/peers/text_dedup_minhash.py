"""text-dedup: its MinHash program from texts to the texts it keeps, 112 permutations, 14 bands of 8 rows, 5-grams."""

import sys
import tempfile

from measured import cpu, report

folder = tempfile.mkdtemp()
arguments = [
    "--path", "json", "--data_files", sys.argv[1], "--split", "train", "--column", "text",
    "--cache_dir", folder, "--output", f"{folder}/out",
    "--ngram", "5", "--num_perm", "112", "--b", "14", "--r", "8", "--threshold", "0.8",
    "--batch_size", "10000", "--num_proc", "1",
]  # fmt: skip
from text_dedup import minhash  # noqa: E402

start = cpu()
minhash.main(arguments, standalone_mode=False)
seconds = cpu() - start

from datasets import load_from_disk  # noqa: E402

kept = len(load_from_disk(f"{folder}/out"))
report("text-dedup", "text_dedup.minhash, 14 bands of 8 rows, 5-grams", seconds, kept=kept)
