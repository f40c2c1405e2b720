"""The commands of a built project, as a user types them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.pipeline.conftest import Project


def rows(project: Project, query: str) -> list[dict]:
    """The answer to a query."""
    return json.loads(project.gristmill("sql", query, "--format", "json"))


def test_status_of_a_fresh_project_is_fresh(built: Project) -> None:
    """Nothing changed, nothing is stale."""
    lines = built.gristmill("status").splitlines()
    assert [line for line in lines if "stale" in line] == []
    assert sum("fresh" in line for line in lines) == 7


def test_status_says_what_a_change_would_run_and_what_waits(project: Project) -> None:
    """The stage, the operator's actions, the reason; stages below wait for its bytes."""
    project.edit("params.yaml", "overrides: {}", "overrides: {short.default.few_words: 30}")
    lines = project.gristmill("status").splitlines()
    clean = next(line for line in lines if line.startswith("clean"))
    assert "3 of 3 segments, 180 of 180 documents" in clean
    assert any("3 x clean.judge: parameter clean.overrides was {}" in line for line in lines)
    assert "waits for clean" in next(line for line in lines if line.startswith("dedup"))
    assert "fresh" in next(line for line in lines if line.startswith("crawl"))


def test_why_prints_reasons_for_a_stage_a_segment_and_a_document(built: Project) -> None:
    """All three kinds of name are understood; an unknown one is refused with a hint."""
    assert "clean.extract" in built.gristmill("why", "clean")
    segment = rows(built, "SELECT key FROM segments WHERE stage = 'clean' LIMIT 1")[0]["key"]
    document = rows(built, "SELECT id FROM documents LIMIT 1")[0]["id"]
    for name in (segment, document):
        assert "first build" in built.gristmill("why", name)
    assert "no stage, segment or document is named zebra" in built.gristmill("why", "zebra", check=False)


def test_the_same_answer_in_every_format(built: Project, tmp_path: Path) -> None:
    """CSV, JSON and Parquet hold the rows of the table."""
    query = "SELECT language, count(*) AS n FROM documents GROUP BY language ORDER BY language"
    answer = rows(built, query)
    assert sum(row["n"] for row in answer) == 180
    from_csv = list(csv.DictReader(io.StringIO(built.gristmill("sql", query, "-f", "csv"))))
    assert [int(row["n"]) for row in from_csv] == [row["n"] for row in answer]
    target = tmp_path / "answer.parquet"
    built.gristmill("sql", query, "-f", "parquet", "-o", str(target))
    assert pq.read_table(target).to_pylist() == answer
    assert "language" in built.gristmill("sql", query)


@pytest.mark.parametrize("query", ["DROP TABLE documents", "COPY documents TO 'x.csv'", "SELEC 1", "FROM nowhere"])
def test_sql_that_is_refused_or_wrong_is_explained(built: Project, query: str) -> None:
    """No traceback, and a hint."""
    output = built.gristmill("sql", query, check=False)
    assert output.startswith("error: ") and "Traceback" not in output and "gristmill sql" in output


def test_explain_tells_the_whole_life_of_a_document(built: Project) -> None:
    """Capture, text, verdicts, cluster, label, split."""
    document = rows(built, "SELECT id, uri FROM documents WHERE source = 'reviews-1' ORDER BY id LIMIT 1")[0]
    page = built.gristmill("explain", document["uri"])
    assert all(word in page for word in (document["id"], "reviews-1", "CC0-1.0", "clean", "dedup", "opinion"))
    assert "text in versions (1)" in page and "few_words" in page and "stands in  data/tokenize/tokens/" in page
    assert "zebra" in built.gristmill("explain", "zebra", check=False)


def test_sources_are_listed_added_and_refused(project: Project) -> None:
    """A refused source leaves both files as they were."""
    assert project.gristmill("source", "list").count("files") == 3
    before = [(project.folder / name).read_bytes() for name in ("params.yaml", "dvc.yaml")]
    bad = project.gristmill("source", "add", "odd", "--kind", "flies", "--licence", "x", check=False)
    assert "flies" in bad and "Traceback" not in bad
    assert [(project.folder / name).read_bytes() for name in ("params.yaml", "dvc.yaml")] == before
    assert "exists" in project.gristmill("source", "add", "reviews-1", "--kind", "files", "--licence", "x", check=False)


def test_recrawl_of_an_unknown_source_names_the_known_ones(built: Project) -> None:
    """A typo is answered with the list."""
    assert "known: reviews-1, reviews-2" in built.gristmill("recrawl", "review", check=False)


def test_a_machine_can_read_every_line_of_a_build(project: Project) -> None:
    """A clean build in JSON, all of one run; whatever else is printed is DVC's own."""
    for name in (".gristmill", ".dvc/cache"):
        shutil.rmtree(project.folder / name)
    printed = project.repro("--force", GRISTMILL_LOG="json", GRISTMILL_RUN="nightly").splitlines()
    events = [json.loads(line) for line in printed if line.startswith("{")]
    stages = yaml.safe_load((project.folder / "dvc.yaml").read_text())["stages"]
    assert [event["name"] for event in events if event["event"] == "stage"] == list(stages)
    assert {event["run"] for event in events} == {"nightly"}
    dvc = re.compile(r"Running|> |Updating|To (track|enable)|\t(git|dvc) |Use `dvc push`|Stage |WARNING: .* is empty")
    assert [line for line in printed if line and not line.startswith("{") and not dvc.match(line)] == []
