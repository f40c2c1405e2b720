"""Structure: marks become Markdown, whatever their order; Markdown without its signs is the text; code stays exact."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.normalization.normalize import normalize
from stages.text.normalization.structure import (
    CLOSE,
    OPEN,
    PARTS,
    code_blocks,
    lines_of_code,
    markdown,
    marked,
    unmarked,
)
from stages.text.normalization.templates import without
from stages.text.signals.measuring import measure
from stages.text.signals.measuring_markdown import measure_markdown

CODE = marked("code_block", "\n\tif a:\n\n\n    b  =  1 \n")
ROWS = "".join(
    marked("row", "".join(marked("cell", cell) for cell in row)) for row in (["a", "b|c"], ["1"], ["2", "3"])
)
TABLE = [
    (marked("h2", " The\n mill "), "## The mill", "The mill"),
    ("one\n\n\n two  words\nthree", "one\n\ntwo words\nthree", "one\n\ntwo words\nthree"),
    (marked("item", "a" + marked("numbered", "b") + marked("numbered", "c")) + "\n" + marked("item", "d"),
     "- a\n  1. b\n  2. c\n- d", "- a\n  1. b\n  2. c\n- d"),
    (marked("item", "a\n\nb" + CODE), "- a\n\n  b\n\n  ```\n  \tif a:\n\n\n      b  =  1\n  ```", None),
    (marked("quote", "a\n\nb"), "> a\n>\n> b", "a\n\nb"),
    ("x " + marked("code", "f(`y`)") + " z", "x ``f(`y`)`` z", "x f(y) z"),
    (CODE, "```\n\tif a:\n\n\n    b  =  1\n```", "\tif a:\n\n\n    b  =  1\n"),
    (marked("code_block", "a ``` b"), "````\na ``` b\n````", "a ``` b\n"),
    (ROWS, "| a | b\\|c |\n|---|---|\n| 1 |  |\n| 2 | 3 |", "a b|c\n1 \n2 3"),
    (marked("row", marked("cell", "only") + marked("cell", marked("h1", "looks"))), "only\n\n# looks", "only\n\nlooks"),
    ("```\nnever closed", "\\```\nnever closed", "\nnever closed"),
    (CLOSE["item"] + "a" + OPEN["h1"] + "b" + OPEN["row"] + CLOSE["h1"] + "c", "a\n\n# b\n\nc", "a\n\nb\n\nc"),
    (marked("item", " ") + marked("h3", "") + marked("code_block", "\n") + marked("row", ""), "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "written", "plain"), TABLE)
def test_marks_become_markdown(text: str, written: str, plain: str | None) -> None:
    """Blocks parted by empty lines, exact code, fences longer than what they hold; and back to the words."""
    assert markdown(text) == written
    assert plain is None or unmarked(written) == plain


MARKED = st.lists(st.sampled_from([*OPEN.values(), *CLOSE.values(), "word", " ", "\n", "\n\n", "a|b", "é"])).map(
    "".join
)


@given(MARKED)
def test_no_word_is_lost_and_no_mark_left(text: str) -> None:
    """Marks in any order: the words come out in theirs, in a normal form that stays as it is."""
    written = markdown(text)
    assert not set(written) & {*OPEN.values(), *CLOSE.values()}
    kept = ["".join(filter(str.isalpha, one)) for one in (text, unmarked(written))]
    assert kept[0] == kept[1]
    once, _ = normalize(written, structured=True)
    assert normalize(once, structured=True) == (once, {})


@given(st.text(st.sampled_from("` ~>ab\n\t\u3000-#|")))
def test_normal_form_of_markdown_is_one_and_leaves_code_alone(text: str) -> None:
    """Idempotent; what stands between fences comes through to the character."""
    once, places = normalize(text, structured=True)
    assert normalize(once, structured=True) == (once, {}) and bool(places) == (once != text)
    assert [text[block.first : block.last] for block in code_blocks(text)] == [
        once[block.first : block.last] for block in code_blocks(once)
    ]


def test_signals_see_the_words_of_markdown() -> None:
    """A heading is no hash tag: a structured text is measured as the same text without structure."""
    written = markdown(marked("h1", "The mill") + "at the river" + CODE + ROWS)
    rows = {"id": ["a", "b"], "text": [written, "# The mill"], "language": ["en", "en"],
            "extraction": ["resiliparse 2 structure=true", None]}  # fmt: skip
    texts = pa.table(rows)
    bare = texts.set_column(1, "text", pa.array([unmarked(written), "# The mill"]))
    assert measure_markdown(texts)["signals"].equals(measure(bare)["signals"])
    assert measure(texts)["signals"]["hashes_per_token"].to_pylist()[0] > 0


def test_no_template_line_is_taken_out_of_code() -> None:
    """A line of a menu that stands in a program too stays there, and so do its empty lines."""
    text = "import this\n\nprose\n\n```\nimport this\n\n\nrun()\n```\nimport this"
    document = {"text": text, "repairs": 0, "repaired": [], "redacted": []}
    assert lines_of_code(text) == frozenset(range(4, 10))
    assert without(document, {"import this"})["text"] == "prose\n\n```\nimport this\n\n\nrun()\n```"


@pytest.mark.parametrize("bomb", [f"{OPEN[part]}a" * 50_000 for part in PARTS] + [
    CLOSE["row"] * 100_000, "".join("`" * n + "\n" for n in range(900, 3, -1)), " " * 300_000, "> " * 150_000 + "`",
    "| " * 150_000, marked("row", marked("cell", "a") * 9000) + marked("row", marked("cell", "b")) * 9000,
])  # fmt: skip
def test_structure_takes_linear_time(bomb: str) -> None:
    """Parts in parts, fences that nothing closes, a table as wide as it is long."""
    start = time.process_time()
    for text in (bomb, markdown(bomb)):
        unmarked(normalize(text, structured=True)[0])
    assert time.process_time() - start < 10
