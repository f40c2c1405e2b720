"""imdb: does pretraining on a task's own unlabelled texts pay? 100,000 film reviews, half of them without a label.

Reads   ../shared/data/imdb (Maas et al. 2011): 25,000 reviews to train on, 25,000 to test on, 50,000 without a label
Clones the committed project into a temporary folder, makes the reviews its only sources, with the published split, and
runs `dvc repro`: duplicates go, so that no text is in two splits. On a GPU all of it, with a network of 6 layers and
some ten minutes of pretraining. Without one, and with `--quick`, it is small: 2,500 labelled reviews, as many to test
on, 10,000 without a label, the network of the default build.

Keys: `device`, `documents` and `kept` (by source), `test` (reviews), `scores` -> name -> accuracy and so on as
`gristmill sql "from headline"` has them, `seconds` (wall, of the whole build).
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from bench.smoke import rewrite, sql

DATA = Path(__file__).resolve().parents[1] / "../shared/data/imdb"
TASK = "sentiment_imdb"
LABELS = {"neg": "negative", "pos": "positive"}
SMALL = {"train": 2_500, "test": 2_500, "unsup": 10_000}  # reviews of a run without a GPU
WIDTH = 256  # tokens: most reviews are shorter, of others the first and the last half are read
NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "cpu": {"network": "tiny", "width": WIDTH, "rows": 16, "tokens": 6_000_000},
    "cuda": {
        "network": {"layers": 6, "hidden": 512, "heads": 8, "feed_forward": 2048}, "width": 512, "rows": 128,
        "tokens": 250_000_000, "learning_rate": 0.0005, "candidates": "vocabulary",
    },
}  # fmt: skip
LEARNING: Mapping[str, Mapping[str, Any]] = {
    "cpu": {"width": WIDTH, "rows": 16, "epochs": 4},
    "cuda": {"width": 512, "rows": 64, "epochs": 3, "learning_rate": 0.0001},
}


def run(quick: bool) -> dict[str, Any]:
    """What was kept, and the scores on the published test set."""
    device = "cpu" if quick or not torch.cuda.is_available() else "cuda"
    with tempfile.TemporaryDirectory(prefix="gristmill-imdb-") as folder:
        project = Path(folder, "project")
        subprocess.run(["git", "clone", "--quiet", ".", str(project)], check=True)
        (project / "inbox").mkdir()
        for part, most in SMALL.items():
            write_reviews(part, most if device == "cpu" else None, project / f"inbox/{part}.jsonl")
        rewrite(project / "params.yaml", partial(changed, device=device))
        rewrite(project / "dvc.yaml", with_inbox)
        start = time.monotonic()
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": ""}
        command = [sys.executable, "-m", "dvc", "repro"]
        subprocess.run(command, cwd=project, env=environment, stdout=sys.stderr, check=True)
        return {"device": device, **figures(project), "seconds": round(time.monotonic() - start, 1)}


def write_reviews(part: str, most: int | None, path: Path) -> None:
    """The reviews of one part as JSON lines; of some, those whose ids have the smallest hash."""
    rows = list(reviews(part))
    chosen = sorted(rows, key=lambda row: sha256(row["id"].encode()).digest())[:most]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen), encoding="utf-8")


def reviews(part: str) -> Iterator[dict[str, str]]:
    """Id, text and label of each review; the label stands in the id, as in `train/neg/0_3`."""
    with gzip.open(DATA / f"{part}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield {"id": row["id"], "text": row["text"], "label": LABELS.get(row["id"].split("/")[1], "")}


def with_inbox(graph: dict[str, Any]) -> dict[str, Any]:
    """The graph, whose first stage reads the reviews."""
    graph["stages"]["crawl"]["deps"].append("inbox")
    return graph


def changed(block: dict[str, Any], device: str) -> dict[str, Any]:
    """The project's parameters, for these reviews alone. Those to test on are kept first where two are alike."""
    columns = {"text": "text", "id": "id", "label": "label"}
    block["crawl"] = {
        "sources": [
            {"name": part, "kind": "files", "path": f"inbox/{part}.jsonl", "licence": "not stated", "columns": columns}
            for part in SMALL
        ]
    }
    block["clean"] |= {"preset": "short", "presets": {}}
    block["dedup"] |= {"keep": ["source_priority", "length", "digest"], "source_priority": ["test", "train", "unsup"]}
    task = {
        "name": TASK, "kind": "classification", "sources": ["train", "test"], "languages": ["en"],
        "labels": sorted(LABELS.values()), "given": {label: label for label in LABELS.values()},
    }  # fmt: skip
    given = {"test": "test", "train": {"validation": 0.1}, "unsup": "train"}
    block["label"] |= {"split": {"seed": 1, "validation": 0.1, "test": 0.1, "given": given}, "tasks": [task]}
    block["augment"] |= {"tasks": [], "operators": [], "synonyms": {}}
    block["tokenize"] |= {"sources": [], "alphabet": 500}
    block["pretrain"] |= {"focus_task": TASK, "background_share": 3.0, "mask_rate": 0.3, **NETWORKS[device]}
    block["finetune"] |= {"task": TASK, **LEARNING[device]}
    block["evaluate"] |= {"leaky_sources": []}
    return block


def figures(project: Path) -> dict[str, Any]:
    """Counts and scores, from the built catalog."""
    kept = "count(*) filter (outcome = 'kept') kept"
    counts = sql(project, f"select source, count(*) documents, {kept} from judged_documents group by source")
    return {
        "documents": {row["source"]: row["documents"] for row in counts},
        "kept": {row["source"]: row["kept"] for row in counts},
        "test": sql(project, "select count(*) n from labels where split = 'test' and drop_reason is null")[0]["n"],
        "scores": {row["name"]: row["value"] for row in sql(project, "from headline")},
    }
