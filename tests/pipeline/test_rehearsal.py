"""`gristmill adopt` and `gristmill verify --sample` on the small real project: results are proven, not believed."""

from __future__ import annotations

import re

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.test_explain import certain, fake_library, status, tree

# Rewrites an operator so that it says the same, or not: the same module, a new syntax tree.
REFACTORED = """

_measured = measure


def measure(table):
    rows = table
    return _measured(rows)
"""
WRONG = (
    REFACTORED.replace("_measured(rows)", "_wrong(_measured(rows))")
    + """

def _wrong(tables):
    signals = tables["signals"].to_pylist()
    signals[7]["words"] += 1
    return {"signals": pa.Table.from_pylist(signals, schema=SIGNALS)}
"""
)
RANDOM = '''

_extracted = extract


def extract(captures, *, params):
    """Plants a clock in one text of each segment."""
    import hashlib
    import time

    tables = _extracted(captures, params=params)
    rows = tables["text"].to_pylist()
    rows[5]["text"] += f" {time.time_ns()}"
    rows[5]["text_digest"] = hashlib.sha256(rows[5]["text"].encode()).hexdigest()
    return tables | {"text": pa.Table.from_pylist(rows, schema=DOCUMENTS)}
'''


def append(project: Project, name: str, code: str) -> None:
    """Add code at the end of a file."""
    path = project.folder / name
    path.write_text(path.read_text(encoding="utf-8") + code, encoding="utf-8")


def refused(project: Project, *command: str) -> str:
    """What a command printed that must fail without a traceback."""
    done = project.run("python", "-m", "catalog", *command, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_refactoring_is_adopted_and_then_found(project: Project) -> None:
    """A sample is computed with the new code; the next run computes nothing of it."""
    append(project, "stages/text/signals/measuring.py", REFACTORED)
    assert certain(project) == [("clean.measure", 3, "code of stages.text.signals.measuring changed")]
    before, files = tree(project), project.files()
    text = project.gristmill("adopt", "clean.measure")
    assert "adopted 3 results after computing 3 of them with the new code of stages.text.signals.measuring" in text
    assert tree(project) == before
    assert status(project)["clean"]["reasons"] == []
    project.repro("dedup")
    assert project.stale("clean") == [] and project.stale("dedup") == []
    after = project.files()
    assert {name for name in after if after[name] != files.get(name)} >= {"data/clean/manifest.parquet"}
    assert [name for name in after if name.startswith("data/clean/") and name not in files] == []
    assert "nothing to adopt: 3 results are found" in project.gristmill("adopt", "clean.measure")


@pytest.mark.slow
def test_other_results_are_refused_with_the_first_row_that_differs(project: Project) -> None:
    """Table, row, id, column and both values; and nothing is adopted."""
    append(project, "stages/text/signals/measuring.py", WRONG)
    text = refused(project, "adopt", "clean.measure")
    assert "clean.measure is not adopted, because the new code gives another result" in text
    assert "signals: row 7 (id " in text and ", words: was " in text
    assert certain(project) == [("clean.measure", 3, "code of stages.text.signals.measuring changed")]


def test_more_than_code_is_refused_and_names_are_checked(project: Project) -> None:
    """A parameter, a library, an unknown operator, an operator with nothing to adopt."""
    project.edit("params.yaml", "overrides: {}", "overrides: {short.default.few_words: 30}")
    assert "parameter clean.overrides was {}" in refused(project, "adopt", "clean.judge")
    assert "did you mean clean.measure" in refused(project, "adopt", "clean.mesure")
    assert "no operator zebra ran" in refused(project, "adopt", "zebra")
    assert "nothing to adopt: 3 results are found" in project.gristmill("adopt", "clean.extract")
    done = project.run(
        "python", "-m", "catalog", "adopt", "clean.extract", check=False, **fake_library(project.folder, "ftfy")
    )
    assert done.returncode == 1 and "library ftfy was" in done.stderr


@pytest.mark.slow
def test_an_audit_of_an_honest_corpus_finds_nothing_and_leaves_no_mark(project: Project) -> None:
    """At least one action of every operator is computed again; builds are left out and named."""
    before = tree(project)
    text = project.gristmill("verify", "--sample", "1%", "--seed", "7")
    assert "--seed 7" in text and "DIFFER" not in text
    assert "clean           3 of 9 actions computed again  ok" in text
    assert "without tokenize.export tokenizer (--builds)  ok" in text
    assert tree(project) == before
    said = project.gristmill("verify", "tokenize", "--sample", "1", "--builds")
    assert re.search(r"(\d+) of \1 actions computed again  ok", said)


@pytest.mark.slow
def test_an_audit_names_an_operator_that_does_not_give_the_same_twice(project: Project) -> None:
    """A clock in one text of a segment is found: operator, segment, table, row, column, both values."""
    append(project, "stages/web/extract.py", RANDOM)
    project.repro("clean")
    before = tree(project)
    text = refused(project, "verify", "clean", "--sample", "1%")
    assert "clean           3 of 9 actions computed again  1 DIFFER" in text
    assert "1 actions do not give the same twice:\n  clean.extract on " in text
    assert ": text: row 5 (id " in text and "), text: was …" in text
    assert tree(project) == before


def test_a_wrong_sample_is_refused(built: Project) -> None:
    """A number above one or no number."""
    for sample in ("200%", "zebra", "0"):
        assert f"the sample is {sample}, must be above 0" in refused(built, "verify", "crawl", "--sample", sample)
