"""Decontamination: the compiled search against a plain one, and what is found of planted passages."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import InputError
from stages.text.contamination.evaluation_sets import RULES, DecontaminateParams, present, read_evaluation
from stages.text.contamination.overlaps import find_overlaps
from stages.text.minhash.shingles import folded_units
from stages.text.rules.judging import OF_TEXT, JudgeParams, judge
from stages.text.signals.measuring import measure

ENGLISH = "Natalia sold clips to forty eight of her friends in April, and then she sold half as many in May."
CHINESE = "小明有三个苹果，妈妈又给了他五个苹果，后来他把其中的两个送给了同学小红，请问小明现在还剩下几个苹果？"
FILLER_EN = "The committee met on Tuesday to discuss the budget for roads, bridges and the old harbour wall. "
FILLER_ZH = "委员会于星期二开会，讨论了道路、桥梁和旧港口堤坝的预算，并决定推迟到下个月再作出结论。"


def pinned(path: Path, rule: str = "13-gram", **more: Any) -> DecontaminateParams:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return DecontaminateParams(
        decontaminate=[{"name": "quiz", "path": str(path), "sha256": digest, "rule": rule, **more}]
    )


def evaluation_of(params: DecontaminateParams) -> pa.Table:
    digests = {path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in present(params)}
    ((_, _, table),) = read_evaluation(digests, params)
    return table


def documents(texts: list[str]) -> pa.Table:
    return pa.table({"id": [f"d{n}" for n in range(len(texts))], "text": pa.array(texts, pa.string())})


def found(items: list[str], texts: list[str], folder: Path, rule: str = "13-gram", **more: Any) -> list[dict[str, Any]]:
    """Rows of clean/overlaps."""
    path = folder / "quiz.jsonl"
    path.write_text("".join(json.dumps({"text": item}) + "\n" for item in items), encoding="utf-8")
    params = pinned(path, rule, **more)
    rows: list[dict[str, Any]] = find_overlaps(documents(texts), evaluation_of(params), params)["overlaps"].to_pylist()
    return rows


def grams_python(text: str, words: int, characters: int) -> dict[tuple[str, ...], int]:
    """Each n-gram of a text, and where it begins first."""
    units, _ = folded_units(text)
    alone = [bool(folded_units(unit)[1]) for unit in units]
    grams: dict[tuple[str, ...], int] = {}
    for width, of_characters in ((words, False), (characters, True)):
        for first in range(len(units) - width + 1):
            if (2 * sum(alone[first : first + width]) >= width) == of_characters:
                gram = tuple(units[first : first + width])
                grams[gram] = min(first, grams.get(gram, first))
    return grams


def best_python(items: list[str], text: str, rule: str) -> tuple[int, int, int] | None:
    """(item, share per mille, position) of the item that a text has most of."""
    widths = RULES[rule].words, RULES[rule].characters
    has, best, answer = grams_python(text, *widths), Fraction(0), None
    for number, item in enumerate(items):
        wanted = grams_python(item, *widths)
        both = wanted.keys() & has.keys()
        if both and Fraction(len(both), len(wanted)) > best:
            best = Fraction(len(both), len(wanted))
            answer = number, int(1000 * best), min(has[gram] for gram in both)
    return answer


WORDS = st.lists(st.sampled_from(["a", "B,", "né", "天", "地 ", "人。", "7"]), max_size=60).map(" ".join)


@settings(deadline=None, max_examples=60)  # the first call compiles
@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4), st.sampled_from(sorted(RULES)))
def test_search_equals_a_plain_one(
    tmp_path_factory: pytest.TempPathFactory, items: list[str], texts: list[str], rule: str
) -> None:
    """Whatever the mixture of scripts and repeats: the same item, share and position as by sets of tuples."""
    items = [*items, "x " * 20]  # one that is long enough
    expected = {f"d{n}": best for n, text in enumerate(texts) if (best := best_python(items, text, rule))}
    rows = found(items, texts, tmp_path_factory.mktemp("quiz"), rule)
    assert {row["id"]: (row["item"], row["share"], row["position"]) for row in rows} == expected


@pytest.mark.parametrize(("item", "filler"), [(ENGLISH, FILLER_EN), (CHINESE, FILLER_ZH), (CHINESE, FILLER_EN)])
@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_planted_item_is_found_whatever_stands_around_it(tmp_path: Path, item: str, filler: str, rule: str) -> None:
    """In other case and punctuation, in a text of the other script: the whole item, and the place where it begins."""
    planted = filler * 3 + item.upper().replace(",", " -").replace("，", "；") + filler * 2
    other = "Which of these twenty rivers is the longest one that flows through more than three countries of Europe?"
    (row,) = found([other, item], [filler * 5, planted], tmp_path, rule)
    assert row == {
        "id": "d1", "evaluation": "quiz", "item": 1, "share": 1000, "contaminated": True,
        "position": len(folded_units(filler * 3)[0]),
    }  # fmt: skip


@pytest.mark.parametrize("item", [ENGLISH, CHINESE])
def test_a_near_miss_is_not_contamination(tmp_path: Path, item: str) -> None:
    """One unit short of an n-gram is nothing; an n-gram is enough for one rule and a small share for the other."""
    units, unspaced = folded_units(item)
    for rule, widths in RULES.items():
        width = widths.characters if unspaced else widths.words
        short, exact = " ".join(units[: width - 1]), " ".join(units[:width])
        (row,) = found([item], [f"Look: {short}!", f"Look: {exact}!"], tmp_path, rule)
        assert row["id"] == "d1" and row["contaminated"] is (rule == "13-gram")
        (row,) = found([item], [f"Look: {exact}!"], tmp_path, rule, min_share=row["share"] / 1000)
        assert row["contaminated"]


def test_a_contaminated_document_is_dropped_for_it(tmp_path: Path) -> None:
    """The verdict says so before any rule on quality; others are judged as without evaluation sets."""
    texts = [FILLER_EN * 20, FILLER_EN + ENGLISH, "too short"]
    table = documents(texts)
    known = {"source": "pages", "language": "en", "language_score": 990} | dict.fromkeys(OF_TEXT, 990)
    for name, value in known.items():
        table = table.append_column(name, pa.array([value] * 3))
    path = tmp_path / "quiz.txt"
    path.write_text(ENGLISH + "\n", encoding="utf-8")
    params = pinned(path)
    overlaps = find_overlaps(table, evaluation_of(params), params)["overlaps"]
    signals = measure(table)["signals"]
    without, given_them = (
        judge(table, signals, None, *each, params=JudgeParams(preset="prose"))["verdicts"]["drop_reason"].to_pylist()
        for each in ((), (overlaps,))
    )
    assert given_them == [without[0], "contaminated", without[2]]


def test_every_kind_of_file_gives_the_same_items(tmp_path: Path) -> None:
    """JSON lines, CSV, TSV, Parquet and lines of text."""
    rows = pa.table({"text": [ENGLISH, CHINESE]})
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows.to_pylist()), encoding="utf-8")
    (tmp_path / "a.txt").write_text(f"{ENGLISH}\n{CHINESE}\n", encoding="utf-8")
    pa.parquet.write_table(rows, tmp_path / "a.parquet")
    pa.csv.write_csv(rows, tmp_path / "a.csv")
    pa.csv.write_csv(rows, tmp_path / "a.tsv", pa.csv.WriteOptions(delimiter="\t"))
    tables = [evaluation_of(pinned(path)) for path in sorted(tmp_path.iterdir())]
    assert len(tables) == 5 and all(table.equals(tables[0]) for table in tables)


def test_what_is_wrong_with_a_set_is_said(tmp_path: Path) -> None:
    """Another file than the pinned one, one that is missing, a wrong column, items that are too short."""
    path = tmp_path / "quiz.jsonl"
    path.write_text(json.dumps({"text": "two words"}) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="no item of the evaluation set quiz"):
        evaluation_of(pinned(path))
    with pytest.raises(InputError, match="has no column question, but text"):
        evaluation_of(pinned(path, column="question"))
    params = pinned(path)
    path.write_text(json.dumps({"text": ENGLISH}) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"params\.yaml says"):
        evaluation_of(params)
    path.unlink()
    with pytest.raises(InputError, match="is not there"):
        evaluation_of(params)


@pytest.mark.parametrize(
    ("given_set", "problem"),
    [
        ({"rule": "5-gram"}, "rule is '5-gram', must be of 13-gram, 8-gram"),
        ({"path": "quiz.xlsx"}, "path is quiz.xlsx, must end with"),
        ({"min_share": 2}, "min_share is 2, must be between 0 and 1"),
        ({"columns": "a"}, "columns"),
    ],
)
def test_impossible_settings_are_refused(given_set: dict[str, Any], problem: str) -> None:
    """Each names the set and the value."""
    with pytest.raises(ValueError, match=problem):
        DecontaminateParams(decontaminate=[{"name": "quiz", "path": "quiz.txt", "sha256": "0" * 64, **given_set}])
