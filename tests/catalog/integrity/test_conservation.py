"""Conservation: a lost, invented, repeated or changed row is found in the data, whatever the manifests say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import GristmillError, InputError
from catalog.integrity.conservation import Account, verify
from catalog.segments import Segment, read_segments
from tests.catalog.small_corpus import id_of, write_clean, write_crawl, write_fetches


def account(stage: str) -> Account:
    """The account of one stage."""
    return verify([stage])[0]


def test_a_sound_corpus_adds_up(shared_corpus: Path) -> None:
    """Every stage in order, with counts where it accounts for documents."""
    found = [(row.stage, row.rows_in, row.kept, row.dropped, row.quarantined) for row in verify()]
    assert found == [
        ("crawl", 7, 6, 0, 1), ("clean", 6, 4, 1, 1), ("dedup", 4, 3, 1, 0), ("label", 3, 2, 1, 0),
        ("augment", 2, 1, 1, 0), ("tokenize", 3, 3, 0, 0), ("pretrain", 0, 0, 0, 0), ("finetune", 0, 0, 0, 0),
        ("evaluate", 0, 0, 0, 0), ("catalog", 0, 0, 0, 0),
    ]  # fmt: skip
    assert [row.problems for row in verify()] == [[]] * 10


def segment(stage: str, table: str) -> Segment:
    """The first segment of a table with rows."""
    return next(segment for segment in read_segments(stage, table) if segment.rows)


def drop_a_row(rows: pa.Table) -> pa.Table:
    """All rows but the first."""
    return rows.slice(1)


def repeat_a_row(rows: pa.Table) -> pa.Table:
    """The first row twice."""
    return pa.concat_tables([rows, rows.slice(0, 1)])


def rename_a_row(rows: pa.Table) -> pa.Table:
    """The first id is another one."""
    ids = ["0" * 32, *rows["id"].to_pylist()[1:]]
    return rows.set_column(rows.schema.get_field_index("id"), rows.schema.field("id"), pa.array(ids, pa.string()))


@pytest.mark.parametrize(
    ("stage", "table", "edit", "problems"),
    [
        ("clean", "verdicts", drop_a_row, ["1 ids are in what crawl kept, but not in its verdicts and quarantine"]),
        ("clean", "verdicts", repeat_a_row, ["1 ids are accounted for twice"]),
        (
            "clean",
            "verdicts",
            rename_a_row,
            ["are in what crawl kept, but not in", "are in its verdicts and quarantine, but not"],
        ),
        ("clean", "quarantine", drop_a_row, ["are in what crawl kept, but not in"]),
        ("clean", "text", drop_a_row, ["1 ids are in its verdicts, but not in clean/text"]),
        ("clean", "signals", rename_a_row, ["are in clean/signals, but not in its verdicts"]),
        ("crawl", "captures", drop_a_row, ["are in its verdicts, but not in crawl/captures"]),
        ("dedup", "verdicts", drop_a_row, ["are in what clean kept, but not in"]),
        ("label", "splits", drop_a_row, ["are in its verdicts, but not in label/splits"]),
        ("augment", "children", rename_a_row, ["are in augment/children, but not in its verdicts"]),
        ("augment", "compared", drop_a_row, ["are in its verdicts and quarantine, but not in the rows it was given"]),
        ("tokenize", "tokens", drop_a_row, ["are in its verdicts, but not in tokenize/tokens"]),
        ("tokenize", "verdicts", drop_a_row, ["are in what dedup kept, but not in"]),
    ],
)
def test_a_row_that_was_tampered_with_is_found(
    corpus: Path, stage: str, table: str, edit: Callable[[pa.Table], pa.Table], problems: list[str]
) -> None:
    """By the digest of its file and by the ids, each on its own."""
    victim = segment(stage, table)
    pq.write_table(edit(victim.read()), victim.path)
    found = account(stage).problems
    assert f"{victim.path} has sha256" in found[0]
    assert all(any(problem in line for line in found[1:]) for problem in problems)


def test_a_stage_that_lost_a_row_while_it_ran_is_found(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its manifest and files agree with each other, so that only the ids tell."""
    monkeypatch.setattr("catalog.incremental.stage.Stage._conserve", lambda stage: None)
    write_clean(write_crawl(), lost="conflict")
    problems = account("clean").problems
    assert problems[0].endswith(f"but not in its verdicts and quarantine: {id_of('conflict')}")
    assert "6 rows in, but 3 kept + 1 dropped + 1 quarantined" in problems


def test_missing_broken_and_unlisted_files_are_found(corpus: Path) -> None:
    """Each is named, and the other stages are still counted."""
    gone, broken = segment("clean", "signals").path, segment("dedup", "verdicts").path
    gone.unlink()
    broken.write_bytes(b"PAR1")
    Path("data/label/stray.txt").write_text("?")
    accounts = {row.stage: row.problems for row in verify()}
    assert f"{gone} is missing" in accounts["clean"]
    assert any("cannot be counted" in problem for problem in accounts["dedup"])
    assert accounts["label"][0] == "data/label/stray.txt is in no manifest"
    assert accounts["crawl"] == []


def test_a_model_file_that_changed_is_found(corpus: Path) -> None:
    """Stages without rows are checked by digest."""
    path = Path("data/pretrain/mlm/model.safetensors")
    path.write_text("other")
    assert [problem.split(" has ")[0] for problem in account("pretrain").problems] == [str(path)]


@pytest.mark.parametrize(
    ("outcome", "digest", "problem"),
    [
        ("captured", None, "captured without a body digest"),
        ("lost", None, "have no known outcome"),
        ("skipped:robots", None, None),
        ("failed:timeout", None, None),
        ("unchanged", "ab" * 32, None),
    ],
)
def test_each_request_has_an_outcome(corpus: Path, outcome: str, digest: str | None, problem: str | None) -> None:
    """What was captured has a digest; what was not says why."""
    write_fetches([("train_en", outcome, digest)])
    problems = account("crawl").problems
    assert len(problems) == bool(problem) and all(str(problem) in line for line in problems)


def test_stages_are_named_or_all(project: Path) -> None:
    """A name that is no stage and a stage that is not built are errors, not empty accounts."""
    with pytest.raises(InputError, match="nothing was built"):
        verify()
    write_crawl()
    assert [row.stage for row in verify()] == ["crawl"]
    with pytest.raises(GristmillError, match="wash is no stage; the stages are crawl, clean"):
        verify(["wash"])
    with pytest.raises(InputError, match="`clean` was not built"):
        verify(["clean"])
