"""thresholds: the share it says a number keeps is the share that the stage keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import InputError
from stages.text.rules.judging import Rule
from stages.text.rules.thresholds import Judged, judge_params, judged, page
from tests.stages.test_clean import ROOT, built, clean

__all__ = ["built"]  # a fixture


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(0, 50), st.booleans())
def test_a_keep_rate_is_that_of_the_rule(values: list[int], threshold: int, least: bool) -> None:
    """Whatever the values, at either kind of threshold."""
    rule = Rule(name="r", signal="words", **{"at_least" if least else "at_most": threshold})
    dropped = rule.broken_by(pa.table({"words": pa.array(values, pa.int32())}))
    ids = pa.array([str(at) for at in range(len(values))])
    found = Judged(key="p.default.r", rule=rule, ids=ids, values=np.array(values, float))
    assert found.keeps(threshold) == pytest.approx(1 - pc.sum(dropped).as_py() / len(values))


def test_a_page_shows_rates_and_the_texts_at_the_cut(built: Path) -> None:
    """Documents of the sources the preset judges; the short text is the nearest that is dropped."""
    clean()
    found = next(one for one in judged("words", judge_params()) if one.key == "prose.default.few_words")
    lines = list(page(found, found.rule.threshold, 1))
    assert lines[1] == "  judges 4 documents, keeps 50.00%"
    assert any("This is much too short for prose." in line for line in lines)
    assert sum("<- now" in line for line in lines) == 1


def test_presets_judge_their_own_sources(built: Path) -> None:
    """A source with a preset of its own is not judged by the default one."""
    clean(presets={"test": "short"})
    counts = {found.key: len(found.values) for found in judged("words", judge_params())}
    assert counts["prose.default.few_words"] == 0
    assert counts["short.default.few_words"] == 4


def test_an_unknown_signal_is_named(built: Path) -> None:
    """With the query that lists those there are."""
    clean()
    with pytest.raises(InputError, match="no signal is called wrods"):
        judged("wrods", judge_params())


def test_the_command_tries_a_number(built: Path) -> None:
    """As a user types it."""
    clean()
    command = [sys.executable, "-m", "catalog", "thresholds", "words", "--at", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert "words at least 2" in done.stdout and "keeps 75.00%" in done.stdout
    assert "`overrides: {prose.default.few_words: NUMBER}`" in done.stdout
