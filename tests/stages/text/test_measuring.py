"""Signals: the compiled counters against a slow plain reading of the same rules, and cases whose numbers are known."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.text.rules import reference
from stages.text.signals import blocks
from stages.text.signals.measuring import measure
from stages.text.signals.table import SIGNALS, TABLE
from tests.stages.text.signals_reference import counters

ROOT = Path(__file__).parents[3]
PIECES = (
    *"aAbé .,'’\n\t-#{…!?。！？”中文的年がガ스สวั१½_•\x00*😀𠀀ß\u0301\u200d\u3000\u00a0\x1f０/:=+%$“「",
    "the ", "and", "...", "\n\n", "- ", "a b c ", "privacy policy", "JavaScript", "Lorem Ipsum", "你好，世界。", "3.14",
    "don't", "64K", "e.g. ", "://", "NASA.", "one two three ", "use cookies", "They'll", " o ",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.text(max_size=80)
SPOKEN = st.tuples(TEXTS, st.sampled_from(["en", "zh"]))


def documents(*texts: tuple[str, str]) -> pa.Table:
    """A table of (text, language)."""
    columns = {"id": [str(i) for i in range(len(texts))], "text": [text for text, _ in texts]}
    columns["language"] = [language for _, language in texts]
    kinds = pa.schema([(name, pa.string()) for name in columns])
    return pa.table(columns, schema=kinds)


def signals(*texts: tuple[str, str]) -> list[dict[str, float]]:
    """The signals of some (text, language)."""
    return measure(documents(*texts))["signals"].to_pylist()


def expected(text: str, language: str) -> dict[str, float]:
    """The signals of a text by the plain reading."""
    found = counters(text, language)
    return {
        signal.name: round(found[signal.count] / max(found[signal.over], 1), 4) if signal.over else found[signal.count]
        for signal in TABLE
    }


@settings(deadline=None, max_examples=150)
@given(st.lists(SPOKEN, max_size=4))
def test_signals_equal_the_plain_reading(texts: list[tuple[str, str]]) -> None:
    """Every signal of random Unicode is what the rules say, whatever stands in the rows around it."""
    for row, text in zip(signals(*texts), texts, strict=True):
        for name, value in expected(*text).items():
            assert math.isclose(row[name], value, abs_tol=1.01e-4), (name, text)


@settings(deadline=None, max_examples=25)
@given(st.lists(SPOKEN, max_size=12))
def test_signals_do_not_depend_on_blocks(texts: list[tuple[str, str]]) -> None:
    """The same numbers come out when every document is a block of its own."""
    whole, size = signals(*texts), blocks.BLOCK_BYTES
    try:
        blocks.BLOCK_BYTES = 1
        assert signals(*texts) == whole
    finally:
        blocks.BLOCK_BYTES = size


def test_signals_of_a_slice_are_those_of_its_rows() -> None:
    """A sliced or chunked column is measured where it begins, not at the start of its buffers."""
    table = documents(("one two", "en"), ("three. four!", "en"), ("五六七。", "zh"))
    whole = measure(table)["signals"]
    assert measure(table.slice(1))["signals"].equals(whole.slice(1))
    assert measure(pa.concat_tables([table.slice(0, 1), table.slice(1)]))["signals"].equals(whole)


def test_no_documents_have_no_signals() -> None:
    """An empty segment gives an empty table with every column."""
    empty = measure(documents())["signals"]
    assert empty.num_rows == 0 and empty.schema.equals(SIGNALS)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("", {"characters": 0, "words": 0, "mean_word_length": 0, "duplicate_line_fraction": 0}),
        ("I don't know 3.14 or U.S.A.", {"words": 7, "sentences": 1}),
        ("I know (e.g. well-known NASA.)", {"tokens": 10, "words": 6}),
        ("See https://example.org/a-b, 64K and 10%.", {"tokens": 9, "words": 6}),
        ("今天天气很好，我们去公园。", {"words": 11, "tokens": 13, "sentences": 1, "han_fraction": 0.8462}),
        ("Yes. No! Maybe? 3.5 is a number. “So.” he said", {"sentences": 6}),
        ("好。坏！怎么？", {"sentences": 3}),
        ("#one #two", {"hashes_per_token": 0.5}),
        ("a....b … c", {"ellipses_per_token": 0.4}),
        ("- a\n* b\n• c\nd", {"bullet_line_fraction": 0.75, "lines": 4, "paragraphs": 1}),
        ("- a\n\n- b\n", {"bullet_line_fraction": 0.5, "lines": 2, "paragraphs": 2}),
        ("哈哈哈哈哈 hmm", {"longest_run": 5, "longest_word": 3}),
        ("The the THE and", {"stop_words_en": 2}),
        ("\x01", {"stop_words_en": 0}),
        ("我的书和你的笔", {"stop_words_zh": 2}),
        ("ABc", {"uppercase_fraction": 0.6667}),
        ("I am your father.\n" * 4, {"duplicate_line_fraction": 0.75, "duplicate_line_characters": 0.7083}),
        ("I am your father.\n\n" * 4, {"duplicate_paragraph_fraction": 0.75, "paragraphs": 4}),
        ("I am Frank, I am Frank, I am Frank", {"top_2gram_characters": 0.3529}),
        ("a b c d e a b c d e", {"duplicate_5gram_characters": 0.2632, "duplicate_6gram_characters": 0}),
        ("ab" * 20, {"recurring_10_characters": 0.5161, "recurring_10_tokens": 0}),
        ("a b c d e f g h i j " * 3, {"recurring_10_tokens": 1, "recurring_10_characters": 0.2353}),
        ("one two three", {"top_2gram_characters": 0, "top_3gram_characters": 0, "any_top_2gram_characters": 0.5385}),
        ("We use cookies.\nThree words here. Two.", {"boilerplate_lines": 1, "c4_sentences": 2, "c4_lines": 1}),
        ("This ends so...\nThis ends here.\nNo end", {"terminal_line_fraction": 0.6667, "c4_ended_sentences": 1}),
        ("Four words stand here.\nFive words stand right here.", {"c4_ended_sentences": 2, "c4_tfds_sentences": 1}),
        ("use { here\na { javascript {\n{ two", {"c4_curly_brackets": 1, "curly_brackets": 4}),
    ],
)
def test_known_numbers(text: str, known: dict[str, float]) -> None:
    """Signals of short texts, counted by hand."""
    row = signals((text, "zh"))[0]
    assert {name: round(row[name], 4) for name in known} == known


@pytest.mark.parametrize(
    ("text", "language", "tokens", "words"),
    [
        ("The town of 大阪市 (おおさか)。", "en", 8, 5),
        ("The town of 大阪市 (おおさか)。", "ja", 13, 10),
        ("名字,又称 x", "en", 4, 3),
        ("名字.又称. x", "en", 5, 3),
    ],
)
def test_ideographs_are_tokens_where_the_language_is_written_in_them(
    text: str, language: str, tokens: int, words: int
) -> None:
    """In an English page a run of ideographs is a word, as in datatrove's splitter for English."""
    row = signals((text, language))[0]
    assert (row["tokens"], row["words"]) == (tokens, words)


def test_every_signal_is_documented() -> None:
    """Each column says its unit and where it comes from; `make docs` would change nothing of docs/signals.md."""
    assert (ROOT / reference.PAGE).read_text(encoding="utf-8") == reference.page()
    assert [field.name for field in SIGNALS] == ["id", *(signal.name for signal in TABLE)]
    assert all(field.metadata and field.metadata[b"unit"] for field in SIGNALS)
