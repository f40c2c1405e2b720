"""The promises of the incremental core, on real stages under real DVC: what runs, what does not, and equal bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from catalog.digests import document_id
from tests.pipeline.conftest import Project, texts


def rebuilt_from_nothing(project: Project, folder: Path, **environment: str) -> Project:
    """An empty clone of the project's working tree, built."""
    clone = Project(folder)
    project.run("git", "clone", "-q", str(project.folder), str(folder))
    for name in ("catalog", "stages"):  # the compiled kernels of the same sources
        shutil.rmtree(folder / name)
        shutil.copytree(project.folder / name, folder / name, copy_function=shutil.copy2)
    (folder / "dvc.lock").unlink()
    clone.repro(**environment)
    return clone


def test_a_second_repro_does_nothing(project: Project) -> None:
    """Nothing changed, no stage starts."""
    assert "Running stage" not in project.repro()


def test_editing_a_comment_rebuilds_nothing(project: Project) -> None:
    """DVC starts the stages whose code changed; each finds every result, and nothing below them starts."""
    before = project.files()
    for name in ("stages/clean.py", "stages/web/extract.py", "stages/text/minhash/signatures.py"):
        path = project.folder / name
        path.write_text(path.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
    output = project.repro()
    assert "Running stage 'clean'" in output
    assert "Running stage 'catalog'" not in output
    assert [project.stale(stage) for stage in ("crawl", "clean", "dedup", "augment")] == [[], [], [], []]
    assert project.files() == before


def test_appending_one_file_rebuilds_one_segment_per_stage(project: Project) -> None:
    """Maps run once, for the new segment; reduces run once, as they must.

    But for `overlaps`: a text that is newly held out is held against those of every segment.
    """
    project.add_file(4, texts(4, 60))
    project.repro()
    assert project.stale("clean") == ["clean.extract", "clean.measure", "clean.judge"]
    assert sorted(project.stale("dedup")) == ["dedup.cluster", "dedup.sign"]
    for stage in ("crawl", "label", "augment", "tokenize"):
        operators = [operator for operator in project.stale(stage) if operator != "label.overlaps"]
        assert len(operators) == len(set(operators)), (stage, operators)


def test_a_changed_threshold_extracts_and_measures_nothing(project: Project) -> None:
    """Thresholds are decided after signals are measured; the reason names the parameter."""
    project.edit("params.yaml", "overrides: {}", "overrides: {short.default.few_words: 30}")
    assert "parameter clean.overrides" in project.gristmill("status")
    output = project.repro()
    assert "Stage 'crawl' didn't change" in output
    assert set(project.stale("clean")) == {"clean.judge"}
    assert any("clean.overrides was {}" in reason for _, _, reason in project.trace("clean"))
    before = project.files()
    project.edit("params.yaml", "overrides: {short.default.few_words: 30}", "overrides: {}")
    project.repro()
    assert project.files() != before


@pytest.mark.nightly  # the random sequences of test_machine.py do as much on a smaller project
def test_after_edits_the_outputs_are_those_of_a_clean_clone(project: Project, tmp_path: Path) -> None:
    """Edit, delete, add and change a parameter: byte for byte what an empty clone builds, with other workers."""
    project.edit("inbox/1.jsonl", '"id": "1-4", "text": "', '"id": "1-4", "text": "Truly ')
    lines = (project.folder / "inbox/2.jsonl").read_text().splitlines(keepends=True)
    (project.folder / "inbox/2.jsonl").write_text("".join(lines[10:40]))
    project.add_file(5, (project.folder / "inbox/3.jsonl").read_text().replace('"id": "3-', '"id": "5-'))
    project.edit("params.yaml", "min_jaccard: 0.8", "min_jaccard: 0.7")
    project.repro()
    project.commit()
    clone = rebuilt_from_nothing(project, tmp_path / "clone", GRISTMILL_WORKERS="3")
    assert clone.files() == project.files()
    assert clone.digests() == project.digests()


def test_add_then_remove_is_never_added(project: Project) -> None:
    """A removed twin sets the others free: the bytes of before come back."""
    before = project.files()
    params = (project.folder / "params.yaml").read_text()
    project.add_file(0, (project.folder / "inbox/3.jsonl").read_text().replace('"id": "3-', '"id": "0-'))
    project.repro()
    assert project.files() != before
    (project.folder / "inbox/0.jsonl").unlink()
    (project.folder / "params.yaml").write_text(params)
    project.repro()
    assert project.files() == before


def test_every_row_is_accounted_for_and_a_lost_one_is_found(project: Project) -> None:
    """`verify` recomputes the sums from the data; a file that shrank is named."""
    assert "WRONG" not in project.gristmill("verify")
    victim = next((project.folder / "data/clean/verdicts").iterdir())
    victim.unlink()
    output = project.gristmill("verify", check=False)
    assert "clean" in output and victim.name in output and "Traceback" not in output


@pytest.mark.slow
def test_another_lock_starts_every_stage_and_computes_nothing(project: Project) -> None:
    """DVC cannot see which library an operator uses; the operators can, and find their results."""
    before = project.files()
    with (project.folder / "requirements/base.lock").open("a") as lock:
        lock.write("# another pyarrow\n")
    output = project.repro()
    assert output.count("Running stage") == 7
    assert [
        project.stale(stage) for stage in ("crawl", "clean", "dedup", "label", "augment", "tokenize", "catalog")
    ] == [[] for _ in range(7)]
    assert project.files() == before


def test_an_edited_document_is_the_only_one_extracted(project: Project) -> None:
    """Its segment is rewritten; the other rows come from the result of before."""
    project.edit("inbox/1.jsonl", '"id": "1-4", "text": "', '"id": "1-4", "text": "Truly ')
    project.repro()
    for operator, stage in (("clean.extract", "clean"), ("clean.measure", "clean"), ("dedup.sign", "dedup")):
        (line,) = [line for line in project.lines(stage) if line["operator"] == operator and line["verdict"] == "stale"]
        assert (line["rows"], line["reused"]) == (60, 59)


@pytest.mark.slow
def test_a_forgotten_document_is_nowhere_and_its_twin_comes_back(project: Project) -> None:
    """Neither id nor copies in any table; what it suppressed is kept again; and it is refused when it comes again."""
    copied = copies(project)
    rows = [json.loads(line) for line in (project.folder / "inbox/1.jsonl").read_text().splitlines()]
    row = next(row for row in rows if document_id(f"file:inbox/1.jsonl#{row['id']}") in copied)
    project.add_file(4, json.dumps(row | {"id": "twin"}) + "\n")
    project.repro()
    uris = [f"file:inbox/1.jsonl#{row['id']}", "file:inbox/4.jsonl#twin"]
    both = {document_id(uri): uri for uri in uris}
    (first,) = both.keys() & kept_by_dedup(project)
    gone = {first, *copies(project)[first]}
    project.gristmill("forget", both[first], "--reason", "asked by its author", "--yes")
    project.repro()
    (twin,) = both.keys() & kept_by_dedup(project)
    assert twin != first and twin in copies(project)
    tables = {path: repr(pq.read_table(project.folder / path).to_pylist()) for path in project.files()}
    assert [(path, name) for path, text in tables.items() for name in gone if name in text] == []
    assert "WRONG" not in project.gristmill("verify")
    other = next(line["id"] for line in rows if line != row)
    project.edit("inbox/1.jsonl", f'"id": "{other}", "text": "', f'"id": "{other}", "text": "Truly ')
    project.repro()
    assert first not in kept_by_dedup(project)


def copies(project: Project) -> dict[str, set[str]]:
    """Ids of the augmented copies that were kept, by their parent."""
    found: dict[str, set[str]] = {}
    for path in (project.folder / "data/augment/children").iterdir():
        for row in pq.read_table(path).to_pylist():
            found.setdefault(row["parent"], set()).add(row["id"])
    return found


def kept_by_dedup(project: Project) -> set[str]:
    """Ids of the documents that dedup kept."""
    tables = [pq.read_table(path) for path in (project.folder / "data/dedup/verdicts").iterdir()]
    return {row["id"] for table in tables for row in table.to_pylist() if row["drop_reason"] is None}
