"""Rehearsal: it happens in a shadow or not at all; samples and messages of the commands that use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import GristmillError
from catalog.rehearsal.audit import parse_sample
from catalog.rehearsal.shadow import shadow
from tests.catalog.incremental.test_stage import crawl, files


def test_the_variable_alone_does_no_harm(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set by hand in a project, it would make a stage replace data/ by links; it is refused with what to type."""
    crawl(("a", ["x", "yy"]))
    before = files()
    monkeypatch.setenv("GRISTMILL_REHEARSE", str(project))
    with pytest.raises(GristmillError, match="which is no shadow of a project; run `unset GRISTMILL_REHEARSE`"):
        crawl(("a", ["x", "yy"]))
    assert files() == before


def test_outside_a_project_the_error_names_the_folder(project: Path) -> None:
    """No dvc.yaml, no graph."""
    with pytest.raises(GristmillError, match=r"no dvc\.yaml in .*run the command in the root"), shadow():
        pass


@pytest.mark.parametrize(("text", "fraction"), [("1%", 0.01), ("100%", 1.0), ("0.05", 0.05), ("1", 1.0)])
def test_a_sample_is_a_percentage_or_a_fraction(text: str, fraction: float) -> None:
    """Both spellings."""
    assert parse_sample(text) == fraction


@pytest.mark.parametrize("text", ["", "0", "-1%", "101%", "2", "nan", "many", "%"])
def test_another_sample_is_refused_with_an_example(text: str) -> None:
    """The value and what to write."""
    with pytest.raises(GristmillError, match="above 0 and at most 1; write --sample 1%"):
        parse_sample(text)
