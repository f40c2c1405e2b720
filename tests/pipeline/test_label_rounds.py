"""A round with people on a real project: queue, import, build, compare, forget, free."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.pipeline.conftest import Project


def answered(queue: Path, labels: tuple[str, ...]) -> list[dict[str, str]]:
    """Fill the column `label` of a spreadsheet; its rows."""
    rows = list(csv.DictReader(queue.open(newline="")))
    for row, label in zip(rows, labels, strict=True):
        row["label"] = label
    with queue.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return rows


def changes_of_me(project: Project) -> list[str]:
    """Votes added, changed, lost and the same since the last commit."""
    lines = project.gristmill("label", "diff", "HEAD").splitlines()
    return next(line.split()[2:] for line in lines if line.split()[1] == "person:me")


@pytest.mark.slow
def test_a_round_by_spreadsheet(project: Project, tmp_path: Path) -> None:
    """Answers become votes that `diff` counts, DVC tracks them; a forgotten document takes its own along, for ever."""
    (project.folder / "data/guidelines").mkdir()
    (project.folder / "data/guidelines/opinion.md").write_text("Good or bad?\n")
    project.edit("params.yaml", "  - name: opinion\n", "  - name: opinion\n    guideline: data/guidelines/opinion.md\n")
    queue = tmp_path / "queue.csv"
    project.gristmill("label", "queue", "opinion", "--budget", "3", "-f", "csv", "-o", str(queue))
    rows = answered(queue, ("good", "bad", "fine"))
    said = project.gristmill("label", "import", "opinion", str(queue), "--annotator", "me")
    assert "2 added" in said and "1 do not fit" in said and ".gristmill/misfits/opinion.jsonl" in said
    (tracked,) = yaml.safe_load((project.folder / "data/annotations.dvc").read_text())["outs"]
    assert (tracked["path"], tracked["nfiles"]) == ("annotations", 1)
    deps = yaml.safe_load((project.folder / "dvc.yaml").read_text())["stages"]["label"]["deps"]
    assert deps[-2:] == ["data/annotations", "data/guidelines/opinion.md"]
    project.repro("label")
    assert changes_of_me(project) == ["2", "0", "0", "0"]
    assert "git knows no revision nowhere" in project.gristmill("label", "diff", "nowhere", check=False)
    project.commit()
    log = project.folder / "data/annotations/opinion"
    (both,) = log.glob("*.parquet")
    before = both.read_bytes()
    project.gristmill("forget", rows[0]["document"], "--reason", "asked to", "--yes")
    (left,) = log.glob("*.parquet")
    assert pq.read_table(left)["id"].to_pylist() == [rows[1]["document"]]
    project.repro("label")
    assert changes_of_me(project) == ["0", "0", "1", "1"]
    project.commit()
    project.edit("params.yaml", "  split:\n    seed: 1\n", "  split:\n    seed: 7\n")
    project.repro("label")
    assert "(split)" in project.gristmill("label", "diff", "HEAD")
    digest = hashlib.md5(before, usedforsecurity=False).hexdigest()
    assert list((project.folder / ".dvc/cache/files/md5").glob(f"{digest[:2]}/{digest[2:]}"))
    project.gristmill("gc", "--keep-last", "1", "--yes")
    assert not list(project.folder.rglob(f"*{digest[2:]}"))
