"""Stage: what runs, what is found again, and why."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from catalog import schema
from catalog.errors import BusyError, ConservationError, InputError, OperatorError, ParameterError
from catalog.execution.action import Done, Task, perform
from catalog.execution.local import LocalExecutor
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Job, Stage, keep_private
from catalog.segments import Segment, read_segments

WORDS = schema.table(schema.ID, schema.column("text", pa.string(), "words"))
LENGTHS = schema.table(schema.ID, schema.column("length", pa.int32(), "characters"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthParams:
    """`extra` characters are added to each length."""

    extra: int = 0

    def __post_init__(self) -> None:
        if self.extra < 0:
            raise ValueError(f"extra is {self.extra}, must be >= 0")


def read_words(words: list[str], params: Any = None) -> Iterator[tuple[str, None, pa.Table]]:
    """Two words a segment."""
    for start in range(0, len(words), 2):
        part = words[start : start + 2]
        yield "captures", None, pa.table({"id": part, "text": part})
        yield "verdicts", None, pa.table({"id": part, "drop_reason": pa.nulls(len(part), pa.string())})


def measure(words: pa.Table, params: LengthParams) -> dict[str, pa.Table]:
    """Length of each word."""
    lengths = pc.add(pc.utf8_length(words["text"]), params.extra).cast(pa.int32())
    return {"lengths": pa.table({"id": words["id"], "length": lengths}), "verdicts": _kept(words)}


def lose(words: pa.Table, params: LengthParams) -> dict[str, pa.Table]:
    """Forgets the last row."""
    return {name: rows.slice(0, words.num_rows - 1) for name, rows in measure(words, params).items()}


def fail(words: pa.Table, params: LengthParams) -> dict[str, pa.Table]:
    """Divides by zero."""
    raise ZeroDivisionError("boom")


def total(segments: list[Segment]) -> Iterator[tuple[str, str, pa.Table]]:
    """Sum of all lengths, and the rows of each segment again."""
    for segment in segments:
        yield "seen", segment.key, segment.read(["id"])
    both = sum(pc.sum(segment.read()["length"]).as_py() for segment in segments)
    yield "sum", "all", pa.table({"length": pa.array([both], pa.int32())})


def train(segments: list[Segment], out: Path) -> None:
    """Writes a file that names every id."""
    (out / "sub").mkdir()
    (out / "sub" / "model.txt").write_text(" ".join(i for s in segments for i in s.read()["id"].to_pylist()))


def _kept(words: pa.Table) -> pa.Table:
    return pa.table({"id": words["id"], "drop_reason": pa.nulls(words.num_rows, pa.string())})


READ = Operator(name="read", run=read_words, writes={"captures": WORDS, "verdicts": schema.VERDICTS})
MEASURE = Operator(
    name="measure", run=measure, params=LengthParams, accounts=("lengths",),
    writes={"lengths": LENGTHS, "verdicts": schema.VERDICTS},
)  # fmt: skip
LOSE = Operator(name="lose", run=lose, params=LengthParams, writes=MEASURE.writes)
FAIL = Operator(name="fail", run=fail, params=LengthParams, writes=MEASURE.writes)
ALONE = schema.table(schema.column("length", pa.int32(), "characters"))
TOTAL = Operator(name="total", run=total, writes={"seen": schema.table(schema.ID), "sum": ALONE})
TRAIN = Operator(name="train", run=train)


def crawl(*sources: tuple[str, list[str]]) -> None:
    """Build the crawl stage from named word lists."""
    with Stage("crawl") as stage:
        actions = [Action(name=name, inputs={"words": json.dumps(words)}, args=(words,)) for name, words in sources]
        stage.act_all(READ, actions)


def clean(operator: Operator = MEASURE) -> list[Segment]:
    """Build the clean stage."""
    with Stage("clean", operator) as stage:
        return stage.map(operator, stage.read("crawl/captures"))["lengths"]


def trace(stage: str) -> list[tuple[str, str]]:
    """(verdict, reason) of each action of the last run."""
    lines = Path(f".gristmill/traces/{stage}.jsonl").read_text().splitlines()
    return [(line["verdict"], line["reason"]) for line in map(json.loads, lines)]


def files(root: str = "data") -> dict[str, bytes]:
    """Every file under a folder with its bytes."""
    return {str(path): path.read_bytes() for path in sorted(Path(root).rglob("*")) if path.is_file()}


def test_nothing_changed_computes_nothing_and_gives_the_same_bytes(project: Path) -> None:
    """A second run finds every result."""
    crawl(("a", ["x", "yy", "zzz"]))
    clean()
    before = files()
    crawl(("a", ["x", "yy", "zzz"]))
    clean()
    assert trace("clean") == [("fresh", "objects")] * 2
    assert files() == before


def test_an_appended_word_builds_one_segment(project: Path) -> None:
    """Only the segment that the new word reached is computed."""
    crawl(("a", ["x", "yy", "zzz"]))
    clean()
    crawl(("a", ["x", "yy", "zzz", "wwww"]))
    clean()
    assert trace("clean") == [("fresh", "objects"), ("stale", "new input crawl/captures")]


def test_incremental_equals_clean(project: Path) -> None:
    """After an edit, data/ is byte for byte what an empty clone builds."""
    crawl(("a", ["x", "yy"]), ("b", ["q"]))
    clean()
    crawl(("a", ["x", "edited"]))
    clean()
    incremental = files()
    shutil.rmtree(".gristmill")
    shutil.rmtree("data")
    crawl(("a", ["x", "edited"]))
    clean()
    assert trace("clean") == [("stale", "first build")]
    assert files() == incremental


def test_a_parameter_change_names_the_parameter_and_a_revert_is_found(project: Path) -> None:
    """The reason says what the value was and is; going back computes nothing."""
    crawl(("a", ["x", "yy"]))
    clean()
    Path("params.yaml").write_text("clean: {extra: 3}")
    assert clean()[0].read()["length"].to_pylist() == [4, 5]
    assert trace("clean") == [("stale", "parameter clean.extra was 0, is 3")]
    Path("params.yaml").write_text("")
    clean()
    assert trace("clean") == [("fresh", "objects")]


def test_a_corrupt_object_is_deleted_and_recomputed(project: Path) -> None:
    """Bytes are hashed before they are used."""
    crawl(("a", ["x", "yy"]))
    segment = clean()[0]
    before = files()
    victim = next(Path(".gristmill/objects").glob(f"{segment.sha256}.*"))
    victim.write_bytes(b"rubbish")
    clean()
    assert trace("clean") == [("stale", "its result is gone or corrupt")]
    assert files() == before


def test_a_spoiled_input_is_not_read(project: Path) -> None:
    """DVC checks out what its cache holds; the message names the file and what mends it."""
    crawl(("a", ["x", "yy"]))
    victim = next(Path("data/crawl/snapshot/captures").iterdir())
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match=f"{victim} is not what the manifest of crawl says; run `gristmill fsck"):
        clean()


def test_workers_do_not_decide_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process and two give the same files."""
    words = [str(number) for number in range(12)]
    crawl(("a", words))
    clean()
    alone = files()
    shutil.rmtree(".gristmill")
    monkeypatch.setenv("GRISTMILL_WORKERS", "2")
    crawl(("a", words))
    clean()
    assert {verdict for verdict, _ in trace("clean")} == {"stale"}
    assert files() == alone


def test_a_lost_row_stops_the_stage(project: Path) -> None:
    """Rows in that are neither kept, dropped nor quarantined are an error, and no manifest is written."""
    crawl(("a", ["x", "yy"]))
    with pytest.raises(ConservationError, match="accounts for 1 rows, but crawl kept 2"):
        clean(LOSE)
    assert not Path("data/clean/manifest.parquet").exists()


def test_a_failing_operator_is_named_with_its_segment(project: Path) -> None:
    """The message names operator, action and cause."""
    crawl(("a", ["x"]))
    with pytest.raises(OperatorError, match=r"fail failed on [0-9a-f]{32}: ZeroDivisionError: boom"):
        clean(FAIL)


def test_reduce_and_build_run_again_only_when_an_input_changed(project: Path) -> None:
    """A global action is one action: found as a whole or computed as a whole."""

    def tail() -> None:
        with Stage("dedup") as stage:
            found = stage.reduce(TOTAL, clean_segments)
            verdicts = stage.read("clean/verdicts")
            stage.map(Operator(name="pass", run=keep, writes={"verdicts": schema.VERDICTS}), verdicts)
            assert [segment.key for segment in found["seen"]] == [segment.key for segment in clean_segments]
            model = stage.build(TRAIN, found["seen"], name="model")
            assert model[0].path == Path("data/dedup/model/sub/model.txt")

    crawl(("a", ["x", "yy", "zzz"]))
    clean_segments = clean()
    tail()
    tail()
    assert {verdict for verdict, _ in trace("dedup")} == {"fresh"}
    crawl(("a", ["x", "yy", "zzz", "v"]))
    clean_segments = clean()
    tail()
    assert ("stale", "input clean/lengths changed (1 new, 1 gone, of 2)") in trace("dedup")
    assert Path("data/dedup/model/sub/model.txt").read_text() == "x yy zzz v"


def test_two_inputs_of_one_table_are_refused(project: Path) -> None:
    """A map names its inputs by table: of two with one name, a change of the first would go unseen."""
    crawl(("a", ["x", "yy"]))
    lengths = clean()
    with pytest.raises(TypeError, match="keep_both: two inputs are of one table"), Stage("dedup") as stage:
        stage.map(Operator(name="keep_both", run=keep, writes={"verdicts": schema.VERDICTS}), lengths, lengths)


def test_builds_side_by_side_write_what_each_writes_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two builds in two processes, then found again by name."""
    crawl(("a", ["x", "yy", "zzz"]))
    words = read_segments("crawl", "captures")
    for count in ("2", "1"):
        monkeypatch.setenv("GRISTMILL_WORKERS", count)
        with Stage("pretrain") as stage:
            jobs = [Job(name=f"model-{segment.key[:4]}", inputs=([segment],)) for segment in words]
            models = stage.build_all(TRAIN, jobs)
        assert [model.path.read_text() for model in models] == ["x yy", "zzz"]
    assert {verdict for verdict, _ in trace("pretrain")} == {"fresh"}


def keep(verdicts: pa.Table) -> dict[str, pa.Table]:
    """All rows, kept."""
    return {"verdicts": verdicts}


def test_all_problems_of_a_block_are_reported_at_once(project: Path) -> None:
    """An unknown key, a wrong type and an impossible value are different problems of different keys."""
    Path("params.yaml").write_text("clean: {extar: 1, extra: many}")
    with pytest.raises(ParameterError, match=r"(?s)2 problem.*did you mean `extra`.*`extra` is 'many'"):
        Stage("clean", MEASURE)
    Path("params.yaml").write_text("clean: {extra: -3}")
    with pytest.raises(ParameterError, match="extra is -3, must be >= 0"):
        Stage("clean", MEASURE)


def test_a_second_writer_is_told_who_holds_the_lock(project: Path) -> None:
    """Two runs never write one output."""
    with Stage("crawl"), pytest.raises(BusyError, match="being written by process"), Stage("crawl"):
        pass


def die(words: pa.Table, params: LengthParams) -> dict[str, pa.Table]:
    """Ends its process without a word, as a crash in a library does."""
    os._exit(9)


def test_light_operators_need_no_pool_until_one_pays(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first task is timed here; the others follow it where they are short, else a pool takes them."""
    monkeypatch.setenv("GRISTMILL_WORKERS", "2")
    crawl(("a", ["x", "yy", "zzz", "zzzz", "zzzzz"]))
    pooled: list[int] = []

    def counted(executor: LocalExecutor, tasks: list[Task]) -> Iterator[Done]:
        pooled.append(len(tasks))
        return map(perform, tasks)

    monkeypatch.setattr(LocalExecutor, "_in_pool", counted)
    assert len(clean(replace(MEASURE, light=True))) == 3
    assert not pooled
    monkeypatch.setattr("catalog.execution.local.POOL_PAYS", 0.0)
    assert len(clean(replace(MEASURE, name="other", light=True))) == 3
    clean(replace(MEASURE, name="heavy"))
    assert pooled == [2, 3]


def test_a_worker_that_dies_is_reported_and_finished_segments_are_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says which operator; the earlier operator's results are found again."""
    monkeypatch.setenv("GRISTMILL_WORKERS", "2")
    crawl(("a", ["x", "yy", "zzz"]))
    fatal = Operator(name="fatal", run=die, params=LengthParams, writes=MEASURE.writes)
    with pytest.raises(OperatorError, match="a worker died in fatal"), Stage("clean", MEASURE) as stage:
        stage.map(MEASURE, stage.read("crawl/captures"))
        stage.map(fatal, stage.read("crawl/captures"))
    clean()
    assert {verdict for verdict, _ in trace("clean")} == {"fresh"}


def test_a_run_says_its_figures_to_machines(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One line and one file per stage, in which rows in are those kept, dropped and quarantined; a failure is told."""
    monkeypatch.setenv("GRISTMILL_LOG", "json")
    monkeypatch.setenv("GRISTMILL_METRICS", str(project / "figures"))
    crawl(("a", ["x", "yy", "zzz"]))
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line["event"] == "stage"]
    assert (line["name"], line["found"], line["computed"]) == ("crawl", 0, 1)
    assert line["rows"] == {"in": 3, "kept": 3, "dropped": 0, "quarantined": 0}
    with pytest.raises(OperatorError):
        clean(FAIL)
    samples = {name: (project / f"figures/gristmill_{name}.prom").read_text() for name in ("crawl", "clean")}
    assert 'gristmill_stage_rows{outcome="kept",stage="crawl"} 3.0' in samples["crawl"]
    assert 'gristmill_stage_results{stage="crawl",state="computed"} 1.0' in samples["crawl"]
    assert 'gristmill_stage_failed{stage="crawl"} 0.0' in samples["crawl"]
    assert 'gristmill_stage_failed{stage="clean"} 1.0' in samples["clean"]


def test_what_dvc_left_open_to_everybody_is_closed(project: Path) -> None:
    """Its site cache to all others, the folder around it to their writing; what is stricter stays so."""
    (project / ".gristmill/dvc/repo").mkdir(parents=True)
    for name in (".gristmill", ".gristmill/dvc"):
        (project / name).chmod(0o777)
    for kept in (0o755, 0o700):
        keep_private()
        assert [(project / name).stat().st_mode & 0o777 for name in (".gristmill", ".gristmill/dvc")] == [kept, 0o700]
        (project / ".gristmill").chmod(0o700)
