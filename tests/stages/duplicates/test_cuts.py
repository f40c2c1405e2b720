"""Paragraphs and substrings that stand elsewhere: what is cut, what is dropped, and that nothing else decides."""

from __future__ import annotations

from itertools import permutations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import InputError
from stages.duplicates.cutting import CutParams
from stages.model.tokens.trimming import trimmed, without
from tests.stages.duplicates.cuttings import Level, by_the_book, lines, paragraphs, run, substrings, windows
from tests.stages.duplicates.duplicated import document

NOTICE = "All rights reserved by the mill and its owners."
LONG = "The first page tells of the river, of the wheel, and of the miller who was old."
OTHER = "Another page is about trains that leave at seven."
QUOTED = "of the wheel, and of the miller who was"
CHINESE = "水车在河边慢慢地转动，磨坊主已经很老了。"


def cut_texts(rows: list[dict[str, object]], cuts: list[dict[str, object]]) -> list[tuple[object, str, object]]:
    """(document, words, document that keeps them) of each cut."""
    texts = {row["id"]: str(row["text"]) for row in rows}
    return [(cut["id"], texts[cut["id"]][cut["start"] : cut["stop"]], cut["of"]) for cut in cuts]  # type: ignore[misc]


def test_a_paragraph_is_kept_by_the_first_document_of_the_order() -> None:
    """The longest document keeps it, however the others spell it; a short one is left alone, and so is one's own."""
    rows = [
        document("a", f"{OTHER}\nYes.\n{NOTICE.upper()}\n"),
        document("b", f"{LONG}\nYes.\n{NOTICE}\n{NOTICE}"),
        document("c", f"Yes.\n\n{NOTICE}\n\nshort tail"),
    ]
    _, cuts = run([rows[:1], rows[1:]], paragraphs("remove"))
    assert cut_texts(rows, cuts) == [("a", f"{NOTICE.upper()}\n", "b"), ("c", f"{NOTICE}\n\n", "b")]
    assert {cut["effect"] for cut in cuts} == {"remove"}


def test_with_two_newlines_lines_are_no_paragraphs() -> None:
    """Lines that are wrapped by hand belong together."""
    wrapped = "one two three\nfour five six"
    rows = [
        document("a", f"{wrapped}\n\n{LONG}"),
        document("b", f"{wrapped}!\n\nother end"),
        document("c", "one two three"),
    ]
    _, cuts = run([rows], paragraphs("remove", newlines=2))
    assert cut_texts(rows, cuts) == [("b", f"{wrapped}!\n\n", "a")]


def test_a_substring_is_cut_at_whole_tokens() -> None:
    """Wherever it stands in a paragraph; in Chinese a token is a character, and none is cut in two."""
    rows = [
        document("a", LONG + CHINESE),
        document("b", f"He wrote of the mill: “{QUOTED}” tired. {CHINESE[3:12]}了"),
        document("c", "of the wheels"),
    ]
    _, cuts = run([rows], substrings("remove", tokens=5))
    assert cut_texts(rows, cuts) == [("b", QUOTED, "a"), ("b", CHINESE[3:12], "a")]


def test_policies() -> None:
    """`record` only says so, `drop` drops what is mostly cut and records the rest."""
    rows = [document("a", f"{LONG} {NOTICE}"), document("b", f"{NOTICE} Yes."), document("c", f"{OTHER} {NOTICE}")]
    for effect, expected in (("record", {"record"}), ("remove", {"remove"}), ("drop", {"drop", "record"})):
        verdicts, cuts = run([rows], substrings(effect, share=0.6))
        assert {cut["effect"] for cut in cuts} == expected
        assert {name: row["drop_reason"] for name, row in verdicts.items()} == {
            "a": None, "b": "repeated_text" if effect == "drop" else None, "c": None,
        }  # fmt: skip
        assert verdicts["b"]["copies"] is (None if effect == "drop" else verdicts["c"]["copies"])


def test_a_dropped_document_keeps_nothing() -> None:
    """What only it and later documents say stays with the first of those that is kept."""
    rows = [
        document("a", "one two three four five six seven eight nine ten eleven twelve"),
        document("b", "one two three four five six seven eight nine uno dos tres"),
        document("c", "uno dos tres"),
    ]
    verdicts, cuts = run([rows], substrings("drop"))
    assert verdicts["b"]["drop_reason"] == "repeated_text" and verdicts["c"]["drop_reason"] is None
    assert {cut["id"] for cut in cuts} == {"b"}


def test_levels_follow_each_other() -> None:
    """What one level drops, clustering too, is no document for the next."""
    rows = [
        document("a", f"{LONG}\n{OTHER}"),
        document("b", f"{LONG}\n{OTHER}"),
        document("c", f"{LONG}\n and {QUOTED}"),
    ]
    verdicts, cuts = run([rows], paragraphs("drop"), substrings("record"))
    assert {name: row["drop_reason"] for name, row in verdicts.items()} == {
        "a": None, "b": "exact_duplicate", "c": "repeated_paragraphs",
    }  # fmt: skip
    assert [cut["level"] for cut in cuts] == ["paragraphs"]


def test_a_removed_representative_frees_its_twins() -> None:
    """Without the document that keeps a span, the next one keeps it; with it back, all is as before."""
    rows = [document("b", f"{NOTICE} Yes, that is so."), document("c", f"{OTHER} {NOTICE}")]
    first = document("a", f"{LONG} {NOTICE}")
    for level in (substrings("remove"), paragraphs("remove")):
        alone = run([rows], level)
        assert {cut["of"] for cut in run([[*rows, first]], level)[1]} <= {"a"}
        assert run([[*rows, first | {"drop_reason": "bad"}]], level) == alone
        assert all(cut["id"] == "b" for cut in alone[1])


WORDS = st.sampled_from(["a", "b", "B", "ab", "é", "水", "车", "the", "。", "-", "\n"])
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from(["", " "])), max_size=24).map(
    lambda some: "".join(map("".join, some))
)


@settings(max_examples=80, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=6), tokens=st.integers(1, 4), effect=st.sampled_from(["remove", "drop"])
)
def test_cuts_are_those_of_comparing_everything(texts: list[str], tokens: int, effect: str) -> None:
    """Suffix array and hashes find what a slow look at every piece of every document finds, however it is segmented."""
    rows = [document(str(i), text) for i, text in enumerate(texts)]
    levels: list[tuple[Level, object]] = [
        (substrings(effect, tokens=tokens), lambda text: windows(text, tokens)),
        (paragraphs(effect, tokens=tokens), lambda text: lines(text, tokens)),
    ]
    for level, pieces in levels:
        verdicts, cuts = run([rows[:2], rows[2:]], level)
        dropped, cut = by_the_book(rows, pieces, effect, 0.5)  # type: ignore[arg-type]
        assert {(row["id"], at, row["of"]) for row in cuts for at in range(row["start"], row["stop"])} == cut
        assert {name for name, row in verdicts.items() if str(row["drop_reason"]).startswith("repeated")} == dropped
        assert sum(row["stop"] - row["start"] for row in cuts) == len(cut), "no character is cut twice"


def test_neither_order_nor_segments_decide() -> None:
    """Any order of the documents, in any segments, gives the same cuts."""
    rows = [
        document(name, text) for name, text in zip("abcd", (LONG, f"{QUOTED} {OTHER}", QUOTED, CHINESE), strict=True)
    ]
    for level in (substrings("drop", share=0.9), paragraphs("drop")):
        verdicts, cuts = run([rows], level)
        for some in permutations(rows):
            again, found = run([some[:1], [], some[1:]], level)
            assert again == verdicts and sorted(map(str, found)) == sorted(map(str, cuts))


def test_a_corpus_that_does_not_fit_is_refused() -> None:
    """With the limit, what it would take, and what else to do."""
    rows = [document(str(i), f"{i} " * 200_000) for i in range(4)]
    with pytest.raises(
        InputError, match=r"substring_mib = 1 MiB; raise it where there are 11 MiB .* `dvc repro dedup`"
    ):
        run([rows], substrings("record"))


def test_trimmed_text() -> None:
    """Only removed spans are left out; they may overlap, touch and come in any order."""
    assert without("0123456789", [(1, 3), (2, 5), (5, 6), (9, 10)]) == "0678"
    cuts = pa.table(
        {
            "id": ["a", "a", "b", "a"],
            "start": [4, 1, 0, 3],
            "stop": [6, 2, 3, 5],
            "effect": ["remove", "remove", "record", "remove"],
        }
    )
    ids, texts = pa.chunked_array([["a", "b", "c"]]), pa.chunked_array([["0123水车", "0123", ""]])
    assert trimmed(ids, texts, cuts) == ["02", "0123", ""]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cut": {"semantic": "remove"}}, ["cut", "semantic", "record or drop"]),
        ({"cut": {"sentences": "drop"}}, ["sentences", "no such level"]),
        ({"substring_mib": 4096, "min_cosine": 0.0}, ["substring_mib", "2047", "min_cosine"]),
        ({"paragraph_tokens": 0}, ["paragraph_tokens is 0, must be >= 1"]),
    ],
)
def test_impossible_parameters(changed: dict[str, object], words: list[str]) -> None:
    """Each is named with what it must be."""
    with pytest.raises(ValueError) as caught:
        CutParams(**changed)  # type: ignore[arg-type]
    assert all(word in str(caught.value) for word in words)
