"""Annotations: what people answered, as immutable rows in a log of files that only grows.

Reads and writes  data/annotations/<task>/<digest>.parquet, one file an import, named by what its rows say;
                  `dvc add` tracks the folder, and the stage `label` depends on it from the first import on.
Nothing is ever changed in place: a later answer of the same person stands beside the earlier one. The one exception is
`gristmill forget`, which takes the rows of a document out of every file.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import logical_digest
from catalog.errors import InputError
from catalog.layout import ANNOTATION_LOG
from catalog.parquet import conform, read_parquet, write_parquet
from catalog.schema import ANNOTATIONS
from catalog.settings import depend


def annotation_files(task: str = "*") -> list[Path]:
    """The files of one task, or of all, in the order of their names.

    Errors: InputError when the folder is tracked but not here: without it, the answers would count as withdrawn.
    """
    tracked = ANNOTATION_LOG.with_suffix(".dvc")
    if tracked.exists() and not ANNOTATION_LOG.exists():
        raise InputError(f"{ANNOTATION_LOG} is missing, and {tracked} says there are answers; run `dvc pull {tracked}`")
    return sorted(ANNOTATION_LOG.glob(f"{task}/*.parquet"))


def answers_in(path: Path) -> pa.Table:
    """The rows of one file; a file from before there were tasks of two texts has no `about`."""
    rows = read_parquet(path)
    if "about" not in rows.column_names:
        rows = rows.append_column("about", pa.nulls(len(rows), pa.string()))
    return rows.select(ANNOTATIONS.names)


def read_annotations(task: str) -> pa.Table:
    """Every answer that was ever imported for a task, as the table `label/annotations`."""
    empty = ANNOTATIONS.remove_metadata().empty_table()
    return pa.concat_tables([empty, *map(answers_in, annotation_files(task))]).combine_chunks()


def add_annotations(task: str, rows: pa.Table) -> Path:
    """Append one file of answers."""
    rows = conform(rows, ANNOTATIONS, "annotations")
    path = ANNOTATION_LOG / task / f"{logical_digest(rows)[:32]}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".tmp")
    write_parquet(rows, beside)
    beside.replace(path)
    return path


def forget_annotations(documents: Collection[str]) -> int:
    """Take every answer about some documents (ids) out of the log; how many there were."""
    gone = pa.array(sorted(documents), pa.string())
    count = 0
    for path in annotation_files():
        rows = answers_in(path)
        kept = rows.filter(pc.invert(pc.is_in(rows["id"], value_set=gone)))
        if kept.num_rows == rows.num_rows:
            continue
        count += rows.num_rows - kept.num_rows
        if kept.num_rows:
            add_annotations(path.parent.name, kept)
        path.unlink()
    if count:
        track_annotations()
    return count


def track_annotations(guideline: Path | None = None) -> None:
    """Have DVC track the log as it is, and `label` depend on it and on the guideline. Errors: InputError by DVC."""
    for path in filter(None, (ANNOTATION_LOG, guideline)):
        depend("label", path)
    command = [sys.executable, "-m", "dvc", "add", "--quiet", str(ANNOTATION_LOG)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"the answers are in {ANNOTATION_LOG}, but `dvc add` failed: {done.stderr.strip()}")
