"""Row memo and canonical batches: only new rows are computed, and nobody can tell from the result."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import schema
from catalog.errors import OperatorError
from catalog.incremental.memo import canonical_batches, row_digests
from catalog.incremental.operators import Memo, Operator
from catalog.incremental.stage import Action, Stage

TEXTS = schema.table(schema.ID, schema.column("text", pa.string(), "words"))
SCORES = schema.table(schema.ID, schema.column("score", pa.string(), "a function of the row, or of its batch"))
CALLS: list[list[str]] = []
BATCH = 4


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are counted here, so they must happen here."""
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")


def read(rows: list[tuple[str, str]]) -> Iterator[tuple[str, None, pa.Table]]:
    """One segment of rows."""
    ids, texts = [row[0] for row in rows], [row[1] for row in rows]
    yield "captures", None, pa.table({"id": pa.array(ids, pa.string()), "text": pa.array(texts, pa.string())})
    yield "verdicts", None, pa.table({"id": pa.array(ids, pa.string()), "drop_reason": pa.nulls(len(ids), pa.string())})


def score(rows: pa.Table) -> dict[str, pa.Table]:
    """A digest of each row; texts with an x are refused."""
    CALLS.append(rows["id"].to_pylist())
    return split(rows, [hashlib.sha256(repr(row).encode()).hexdigest()[:8] for row in rows.to_pylist()])


def score_together(rows: pa.Table) -> dict[str, pa.Table]:
    """As a model does: every value depends on every row beside it."""
    CALLS.append(rows["id"].to_pylist())
    assert rows.num_rows <= BATCH
    together = repr(rows.to_pylist()).encode()
    return split(rows, [hashlib.sha256(together + name.encode()).hexdigest()[:8] for name in rows["id"].to_pylist()])


def split(rows: pa.Table, scores: list[str]) -> dict[str, pa.Table]:
    """Rows to two tables, in order."""
    found: dict[str, list[dict[str, str]]] = {"scores": [], "refused": []}
    for row, value in zip(rows.to_pylist(), scores, strict=True):
        found["refused" if "x" in row["text"] else "scores"].append({"id": row["id"], "score": value})
    return {name: pa.Table.from_pylist(part, schema=SCORES.remove_metadata()) for name, part in found.items()}


WRITES = {"scores": SCORES, "refused": SCORES}
READ = Operator(name="read", run=read, writes={"captures": TEXTS, "verdicts": schema.VERDICTS})
SCORE = Operator(name="score", run=score, writes=WRITES, accounts=tuple(WRITES), memo=Memo(by=("id", "text")))
TOGETHER = Operator(
    name="together",
    run=score_together,
    writes=WRITES,
    accounts=tuple(WRITES),
    memo=Memo(by=("id", "text"), batch=BATCH),
)
Corpus = dict[str, list[tuple[str, str]]]


def build(corpus: Corpus, operator: Operator) -> int:
    """Build two stages; the rows that the operator computed."""
    CALLS.clear()
    with Stage("crawl") as stage:
        stage.act_all(READ, [Action(name=n, inputs={"rows": json.dumps(r)}, args=(r,)) for n, r in corpus.items()])
    with Stage("pretrain") as stage:
        stage.map(operator, stage.read("crawl/captures"))
    return sum(map(len, CALLS))


def files() -> dict[str, bytes]:
    """Every file of data/."""
    return {str(path): path.read_bytes() for path in sorted(Path("data").rglob("*")) if path.is_file()}


def rows(*words: str) -> list[tuple[str, str]]:
    """Rows with an id each."""
    return [(f"id-{word}", word) for word in words]


def test_an_edited_row_alone_is_computed(project: Path) -> None:
    """Its neighbours come from the segment of before, in the order of today."""
    build({"a": rows("one", "two", "xthree", "four")}, SCORE)
    edited = [("id-one", "edited"), *rows("two", "xthree", "four", "five")]
    assert build({"a": edited}, SCORE) == 2
    line = json.loads(Path(".gristmill/traces/pretrain.jsonl").read_text())
    assert (line["rows"], line["reused"]) == (5, 3)


def test_rows_that_move_between_segments_are_found(project: Path) -> None:
    """Whichever segment held them before, and however often it was cut."""
    build({"a": rows("one", "two", "three"), "b": rows("four", "x")}, SCORE)
    assert build({"a": rows("x", "three"), "b": rows("four", "two", "one")}, SCORE) == 0


def test_rows_of_an_older_version_are_found(project: Path) -> None:
    """Not of the last run only: a word that left and came back in another segment."""
    build({"a": rows("one", "two")}, SCORE)
    build({"a": rows("one")}, SCORE)
    assert build({"b": rows("two", "new")}, SCORE) == 1


def test_another_recipe_shares_no_rows(project: Path) -> None:
    """What was computed with other code, parameters or libraries is of no use."""
    build({"a": rows("one", "two")}, SCORE)
    other = Operator(name="score", run=score, writes=WRITES, memo=SCORE.memo, libraries=("numpy",))
    assert build({"a": rows("one", "two", "three")}, other) == 3


def test_a_corrupt_earlier_result_is_not_used(project: Path) -> None:
    """Rows are taken from bytes that were hashed, or computed."""
    build({"a": rows("one", "two")}, SCORE)
    for path in Path("data/pretrain/scores").iterdir():
        path.write_bytes(path.read_bytes()[::-1])
    assert build({"a": rows("one", "two", "three")}, SCORE) == 3


def test_an_operator_with_a_memo_writes_all_its_tables(project: Path) -> None:
    """Otherwise an empty table would depend on what was reused."""
    partial = Operator(name="partial", run=forgetful, writes=WRITES, memo=Memo(by=("id", "text")))
    with pytest.raises(OperatorError, match="must always write"):
        build({"a": rows("one")}, partial)


def forgetful(found: pa.Table) -> dict[str, pa.Table]:
    """Leaves a table out."""
    return {"scores": split(found, ["s"] * found.num_rows)["scores"]}


def test_null_and_empty_are_different_rows() -> None:
    """A digest says every difference that an operator could see."""
    table = pa.table({"a": [None, "", "a\0", "a"], "b": ["", None, "b", "\0b"]})
    assert len(set(row_digests(table, ["a", "b"]))) == 4


words = st.text("abx", min_size=1, max_size=3)
corpora = st.dictionaries(st.sampled_from("pqr"), st.lists(words, unique=True, max_size=12), min_size=1)


@pytest.mark.parametrize("operator", [SCORE, TOGETHER], ids=["rows", "batches"])
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions=st.lists(corpora, min_size=2, max_size=4))
def test_any_history_gives_the_bytes_of_a_clean_build(operator: Operator, versions: list[dict[str, list[str]]]) -> None:
    """Whatever was added, removed or moved: the same files, also where values depend on the whole batch."""
    found = [{name: [(f"{name}-{word}", word) for word in part] for name, part in one.items()} for one in versions]
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("params.yaml").write_text("")
            for version in found:
                build(version, operator)
            incremental = files()
            shutil.rmtree(".gristmill")
            shutil.rmtree("data")
            build(found[-1], operator)
            assert files() == incremental
        finally:
            os.chdir(home)


@given(st.sets(st.binary(min_size=16, max_size=16), max_size=200), st.integers(1, 32), st.randoms())
def test_batches_hold_every_row_once_and_do_not_depend_on_order(
    digests: set[bytes], size: int, choose: random.Random
) -> None:
    """The same rows form the same batches."""
    one = sorted(digests)
    other = list(one)
    choose.shuffle(other)
    batches = canonical_batches(one, size)
    assert sorted(position for batch in batches for position in batch) == list(range(len(one)))
    assert all(len(batch) <= size for batch in batches)
    named = [[other[position] for position in batch] for batch in canonical_batches(other, size)]
    assert named == [[one[position] for position in batch] for batch in batches]


def test_an_inserted_row_disturbs_few_batches() -> None:
    """And batches are well filled: 10,000 rows in batches of 16 at most."""
    digests = [hashlib.blake2b(str(number).encode(), digest_size=16).digest() for number in range(10_000)]
    before = {tuple(digests[p] for p in batch) for batch in canonical_batches(digests, 16)}
    assert len(digests) / len(before) > 0.75 * 16
    disturbed = []
    for number in range(50):
        new = [*digests, hashlib.blake2b(f"new {number}".encode(), digest_size=16).digest()]
        disturbed.append(len({tuple(new[p] for p in batch) for batch in canonical_batches(new, 16)} - before))
    assert sum(disturbed) / len(disturbed) < 4
