"""What labels changed: the votes of every annotator, and the labels they come to, beside those of another revision.

Reads   dvc.lock of a revision of git, the manifest and the tables of `label` in DVC's store as they were then, and
        data/label as it was built last
A document that moved to another split counts as changed under `(split)`: clusters merged or parted.
A vote is the same if its annotator says the same of the same document (and second text) for the same task. A vote that
is lost was withdrawn, or is about a text that has changed since, so that its document is asked about again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from catalog.errors import InputError
from catalog.history.manifests import LOCK
from catalog.history.versions import segments_at
from catalog.parquet import read_parquet
from catalog.segments import read_segments

CONSENSUS, MOVES = "(label)", "(split)"  # stand for an annotator in the rows on the labels themselves
KINDS = ("added", "changed", "lost", "same")
COLUMNS = {
    "votes": ["task", "annotator", "id", "about", "label"],
    "labels": ["task", "id", "about", "label", "target_text", "split"],
}
Votes = dict[tuple[str, str, str, str | None], str]  # (task, annotator, document, second text) -> what was said


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of the votes of one annotator for one task."""

    task: str
    annotator: str
    added: int
    changed: int
    lost: int
    same: int


def label_changes(revision: str) -> list[Change]:
    """One row per task and annotator, the labels themselves first. Errors: InputError for an unknown revision."""
    before, after = _votes(*_tables_at(revision)), _votes(_here("votes"), _here("labels"))
    counts: dict[tuple[str, str], Counter[str]] = {}
    for key in before.keys() | after.keys():
        counts.setdefault(key[:2], Counter())[_kind(before.get(key), after.get(key))] += 1
    return [
        Change(task=task, annotator=annotator, **{kind: found[kind] for kind in KINDS})
        for (task, annotator), found in sorted(counts.items())
    ]


def _kind(before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return "added" if before is None else "lost"
    return "same" if before == after else "changed"


def _votes(votes: list[pa.Table], labels: list[pa.Table]) -> Votes:
    """Every vote, and every label that stands."""
    found: Votes = {}
    for table in votes:
        rows = zip(*(table[name].to_pylist() for name in COLUMNS["votes"]), strict=True)
        found |= {(task, annotator, document, about): label for task, annotator, document, about, label in rows}
    for table in labels:
        for row in table.to_pylist():
            found[row["task"], MOVES, row["id"], None] = row["split"]
            if said := row["label"] or row["target_text"]:
                found[row["task"], CONSENSUS, row["id"], row["about"]] = said
    return found


def _read(path: Path, columns: list[str]) -> pa.Table:
    """Some columns of a table of any version; those from before tasks of two texts have no `about`."""
    table = read_parquet(path)
    if "about" not in table.column_names:
        table = table.append_column("about", pa.nulls(len(table), pa.string()))
    return table.select(columns)


def _here(name: str) -> list[pa.Table]:
    return [segment.read(COLUMNS[name]) for segment in read_segments("label", name)]


def _tables_at(revision: str) -> tuple[list[pa.Table], list[pa.Table]]:
    """Votes and labels as a revision of git locked them. Errors: InputError."""
    segments = segments_at(revision, "label", COLUMNS)
    if not segments:
        raise InputError(f"{revision} has no labels; `git log --oneline {LOCK}` lists the revisions with builds")
    votes, labels = (
        [_read(one.path, columns) for one in segments if one.table == name] for name, columns in COLUMNS.items()
    )
    return votes, labels


def lines(changes: list[Change]) -> Iterator[str]:
    """The changes as a table, line by line; annotators that say what they said are left out."""
    yield f"{'task':<24} {'annotator':<32} {'added':>8} {'changed':>8} {'lost':>8} {'same':>8}"
    for one in changes:
        if one.added or one.changed or one.lost:
            yield f"{one.task:<24} {one.annotator:<32} {one.added:>8} {one.changed:>8} {one.lost:>8} {one.same:>8}"
