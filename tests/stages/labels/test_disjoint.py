"""Disjoint splits: every measure against a plain comparison of all pairs, and what is taken out for it."""

import random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from catalog.digests import sha256_of
from catalog.errors import ConservationError
from catalog.schema import LABELS
from stages.labels.disjoint.compared import SHINGLE, hold_out
from stages.labels.disjoint.overlaps import MEASURES, find_overlaps, gather
from stages.labels.disjoint.settle import DisjointParams, check_splits, settle
from stages.labels.splits import SPLITS
from tests.stages.label_tables import Part

WORDS = [f"word{number}" for number in range(400)]
HAN = [chr(0x4E00 + number) for number in range(400)]


def corpus(seed: int) -> list[tuple[str, str, str]]:
    """(id, split, text): by chance, some quoted in another text, some edited at the end; in words and in Han."""
    draw = random.Random(seed)
    texts: list[list[str]] = []
    for number in range(120):
        units = HAN if number % 3 == 0 else WORDS
        text = draw.choices(units, k=draw.randint(20, 80))
        older = [one for one in texts if (one[0] in HAN) == (number % 3 == 0)]
        if older and number % 4 == 1:
            text[3:3] = draw.choice(older)[: draw.choice([5, 12, 13, 18, 19])]
        if older and number % 4 == 2:
            text = list(draw.choice(older))
            text[-1] = draw.choice(units)
        texts.append(text)
    joined = [("" if text[0] in HAN else " ").join(text) for text in texts]
    return [(f"d{place:03}", draw.choice(SPLITS), text) for place, text in enumerate(joined)]


def tables(rows: list[tuple[str, str, str]], task: str = "mood", **more: Any) -> tuple[pa.Table, pa.Table]:
    """Labels and texts of some documents."""
    filled = {field.name: None if field.nullable else {pa.string(): ""}.get(field.type, 0) for field in LABELS}
    labels = [filled | {"id": name, "task": task, "split": split, "label": "good"} | more for name, split, _ in rows]
    texts = pa.table({
        "id": [row[0] for row in rows], "text": [row[2] for row in rows],
        "text_digest": [sha256_of(row[2]) for row in rows],
    })  # fmt: skip
    return pa.Table.from_pylist(labels, schema=LABELS.remove_metadata()), texts


def overlapping(*segments: tuple[pa.Table, pa.Table]) -> list[pa.Table]:
    """`split_overlaps` of every segment, as the stage finds them."""
    held = [Part(str(place), hold_out(*one)["held_out"]) for place, one in enumerate(segments)]
    ((_, _, evaluation),) = gather(held)
    return [find_overlaps(*one, evaluation)["split_overlaps"] for one in segments]


def runs(text: str, width: int) -> set[tuple[str, ...]]:
    """The runs of `width` words, or characters of Han; the whole text where it is shorter."""
    units = text.split() if " " in text else list(text)
    return {tuple(units[at : at + width]) for at in range(max(1, len(units) - width + 1))}


def jaccard(one: str, other: str) -> float:
    """Of the shingles of two texts."""
    shingles = runs(one, SHINGLE), runs(other, SHINGLE)
    return len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])


@pytest.mark.parametrize("seed", range(5))
def test_what_is_found_is_what_a_comparison_of_all_pairs_finds(seed: int) -> None:
    """Equal texts and common 13-grams are found without a miss; near ones as far as an estimate may tell."""
    rows = corpus(seed)
    found = [row for table in overlapping(tables(rows[:70]), tables(rows[70:])) for row in table.to_pylist()]
    by_measure = {name: {(r["id"], r["other_split"]) for r in found if r["measure"] == name} for name in MEASURES}
    pairs = [(one, other) for one in rows for other in rows if SPLITS.index(other[1]) < SPLITS.index(one[1])]
    assert by_measure["exact"] == {(one[0], other[1]) for one, other in pairs if one[2] == other[2]}
    width = {True: 13, False: 19}
    shared = {
        (one[0], other[1]) for one, other in pairs
        if runs(one[2], width[" " in one[2]]) & runs(other[2], width[" " in other[2]])
    }  # fmt: skip
    assert by_measure["13-gram"] == shared and shared
    surely = {(one[0], other[1]) for one, other in pairs if jaccard(one[2], other[2]) >= 0.95}
    maybe = {(one[0], other[1]) for one, other in pairs if jaccard(one[2], other[2]) >= 0.65}
    assert surely <= by_measure["near"] <= maybe and surely


def test_what_is_found_does_not_depend_on_segments() -> None:
    """One segment or three: the same rows."""
    rows = corpus(9)
    whole = overlapping(tables(rows))[0].sort_by([("id", "ascending"), ("measure", "ascending")])
    parted = pa.concat_tables(overlapping(tables(rows[:30]), tables(rows[30:31]), tables(rows[31:])))
    assert parted.sort_by([("id", "ascending"), ("measure", "ascending")]).equals(whole)


def test_the_targets_of_a_generation_task_are_compared_too() -> None:
    """A summary that is also the answer to another text is an overlap, and so not trained on."""
    rows = [("a", "test", "a long tale of a fox"), ("b", "train", "another story of a crow")]
    labels, texts = tables(rows, label=None, target_text="the moral is the same")
    (found,) = overlapping((labels, texts))
    assert {(row["id"], row["side"], row["measure"]) for row in found.to_pylist()} == {
        ("b", "target", "exact"), ("b", "target", "near"),
    }  # fmt: skip
    settled = settle(labels, found, DisjointParams())["labels"]
    assert settled["target_text"].to_pylist() == ["the moral is the same", None]


def test_tasks_are_not_held_against_each_other() -> None:
    """The test text of one task may be trained on for another."""
    one, other = tables([("a", "test", "the same words")]), tables([("b", "train", "the same words")], task="other")
    assert [len(table) for table in overlapping(one, other)] == [0, 0]


@pytest.mark.parametrize("disjoint", [list(MEASURES), ["exact"], []])
def test_what_is_not_to_overlap_is_taken_out_and_the_rest_is_counted(disjoint: list[str]) -> None:
    """Labels lost are those that overlap, with the reason; of the other measures the figures say what is left."""
    rows = corpus(3)
    labels, texts = tables(rows)
    (found,) = overlapping((labels, texts))
    params = DisjointParams(disjoint=disjoint)
    settled = settle(labels, found, params)["labels"].cast(labels.schema)
    taken = {row["id"] for row in settled.to_pylist() if row["drop_reason"]}
    assert taken == {row["id"] for row in found.to_pylist() if row["measure"] in disjoint}
    assert settled["id"].equals(labels["id"])
    ((_, _, checks),) = check_splits([Part("a", settled)], [Part("a", found)], params=params)
    assert pc.sum(checks["found"]).as_py() == len(found)
    left = {row["measure"] for row in checks.to_pylist() if row["left"]}
    assert not left & set(disjoint)
    assert left == set() if disjoint == list(MEASURES) else "13-gram" in left


def test_an_overlap_that_was_not_taken_out_stops_the_stage() -> None:
    """The check does not trust the step before it."""
    labels, texts = tables([("a", "test", "the same words"), ("b", "train", "the same words")])
    (found,) = overlapping((labels, texts))
    with pytest.raises(ConservationError, match="1 labels of mood in train overlap \\(exact\\) with test"):
        list(check_splits([Part("a", labels)], [Part("a", found)], params=DisjointParams()))


def test_a_measure_that_nobody_knows_is_refused() -> None:
    """The error names it and those that there are."""
    with pytest.raises(ValueError, match="disjoint has 8-gram, must be of exact, near, 13-gram"):
        DisjointParams(disjoint=["8-gram"])


def test_digests_are_those_of_the_texts() -> None:
    """Held-out rows say which text they are of, so that they can be forgotten by it."""
    labels, texts = tables([("a", "test", "some words")])
    assert hold_out(labels, texts)["held_out"]["text_digest"].to_pylist() == [sha256_of("some words")]
