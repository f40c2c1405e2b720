"""Comparisons: what a choice of data moved, over seeds on the same texts; and what may not be compared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import GristmillError
from catalog.history.compare import lines
from catalog.sql.asking import query
from stages.catalog import main
from tests.catalog.small_corpus import write_crawl, write_scores

SCRATCH, PRETRAINED = (0.5, 0.6, 0.7), (0.7, 0.7, 0.7)


def scored(values: dict[str, tuple[float, ...]], **differs: Any) -> None:
    """The catalog of a version with these scores."""
    write_scores(write_crawl(), values, **differs)
    main()


def test_two_systems_are_compared_seed_by_seed(project: Path) -> None:
    """By the command and by the view alike: the choice, the mean of the differences, and texts won and lost."""
    scored({"scratch": SCRATCH, "pretrained": PRETRAINED})
    said = list(lines("scratch", "pretrained"))
    assert said[0] == "  pretraining steps: 0 -> 9; 3 seeds"
    assert said[2].split() == ["all", "accuracy", "0.6000", "0.7000", "+0.1000", "0.1000"]
    assert said[3:] == [
        f"  seed {seed}: {won} texts won, 0 lost, of 1" for seed, won in ((1, 1), (2, 1), (3, 0))
    ]  # fmt: skip
    (row,) = query("FROM choices").table().to_pylist()
    assert (row["before"], row["after"], row["seeds"], row["choice"]) == (
        "scratch", "pretrained", 3, "pretraining steps: 0 -> 9",
    )  # fmt: skip
    assert row["moved"] == pytest.approx(0.1) and row["deviation"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("values", "differs", "reason"),
    [
        (PRETRAINED[:2], {}, "2 seeds are on both sides, and 3 are needed"),
        (PRETRAINED, {"recipe": "other"}, "the recipe of training differs"),
        (PRETRAINED, {"epochs": 3}, "the epochs of fine-tuning differ"),
        (PRETRAINED, {"test_set": "other"}, "the test texts or their labels differ"),
    ],
)
def test_what_is_not_alike_is_refused(
    project: Path, values: tuple[float, ...], differs: dict[str, Any], reason: str
) -> None:
    """With the reason; and the view has no row."""
    scored({"scratch": SCRATCH, "pretrained": values}, **differs)
    with pytest.raises(GristmillError, match=reason):
        list(lines("scratch", "pretrained"))
    assert query("FROM choices").table().num_rows == 0


def committed() -> None:
    """A version of this catalog."""
    Path("dvc.yaml").write_text("stages: {catalog: {cmd: 'true', outs: [data/catalog]}}\n")
    dvc = f"{sys.executable} -m dvc"
    start = [] if Path(".git").exists() else ["git init -q", f"{dvc} init -q -f"]
    for command in (
        *start, f"{dvc} commit -q -f catalog", "git add dvc.lock dvc.yaml",
        "git -c user.name=a -c user.email=a@b.c commit -qm a",
    ):  # fmt: skip
        subprocess.run(command.split(), check=True)


@pytest.mark.slow
def test_two_versions_are_compared_system_by_system(project: Path) -> None:
    """The choice is what was learned from; a longer pretraining is none, and refused."""
    scored({"scratch": SCRATCH})
    committed()
    scored({"scratch": PRETRAINED}, training_set="other", units=2)
    committed()
    said = list(lines("HEAD~1", "HEAD"))
    assert said[:2] == ["scratch", "  training texts: 1 -> 2; 3 seeds"]
    assert said[3].split() == ["all", "accuracy", "0.6000", "0.7000", "+0.1000", "0.1000"]
    scored({"scratch": PRETRAINED}, pretraining_steps=7)
    committed()
    with pytest.raises(GristmillError, match="the steps of pretraining differ"):
        list(lines("HEAD~1", "HEAD"))


def test_a_system_and_a_revision_are_no_pair(project: Path) -> None:
    """Nor is a name that nobody knows."""
    scored({"scratch": SCRATCH, "pretrained": PRETRAINED})
    with pytest.raises(GristmillError, match="name two systems, or two revisions"):
        list(lines("scratch", "HEAD"))
