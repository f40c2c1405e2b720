"""Structure of a text: marks that a reader puts around its parts, and the Markdown that these become.

A mark is a noncharacter of Unicode (U+FDD0 to U+FDEF), which no text holds: a part opens with one and closes with
another. Marks may be missing or stand in any order, since an extractor leaves out pieces of a page: then the text
between them stays, and only structure is lost.

The Markdown is that of a reader, not of a program: nothing is escaped in it but a bar in a cell and what would open a
code block, since escapes would part words and addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
LISTS = ("item", "numbered")  # an item of either; those that follow each other are a list
PARTS = (*HEADINGS, *LISTS, "quote", "code_block", "code", "row", "cell")
OPEN = {part: chr(0xFDD0 + number) for number, part in enumerate(PARTS)}
CLOSE = {part: chr(0xFDE0 + number) for number, part in enumerate(PARTS)}
OPENED = {mark: part for part, mark in OPEN.items()}
CLOSED = {mark: part for part, mark in CLOSE.items()}
STRUCTURE = "structure"  # the option of a document whose text is Markdown, in its column `extraction`
MAX_RAGGED = 4  # cells of a table with its rows filled up / without
MAX_DEPTH = 24  # parts inside each other; deeper ones are text

HTML = {
    **{part: part for part in HEADINGS}, "li": "item", "blockquote": "quote", "pre": "code_block", "code": "code",
    "tr": "row", "td": "cell", "th": "cell",
}  # fmt: skip
"""Elements of HTML -> parts."""

_MARK = re.compile("([\ufdd0-\ufdef])")
_EMPTY_LINES = re.compile(r"\n\s*\n")
_FENCE = re.compile(r"^(?=```|~~~)", re.M)
_TICKS = re.compile("`+")
_FENCES = re.compile(r"^[ >]*(`{3,}|~{3,})([^`\n]*)$", re.M)
_ESCAPED_FENCE = re.compile(r"^\\(?=```|~~~)", re.M)
_BEGINNING = re.compile(r"^(?:#{1,6} |(?:> ?)+)", re.M)
_RULE = re.compile(r"^\|(?:---\|)+\n", re.M)
_ROW = re.compile(r"^\| (.*) \|$", re.M)
_BAR = re.compile(r"(?<!\\) \| ")


@dataclass(slots=True)
class _Part:
    """A part of a text: its name, and the texts and parts in it."""

    name: str
    content: list[str | _Part] = field(default_factory=list)


def html_part(name: str, parent: str) -> str | None:
    """The part that an element of HTML is, None for most."""
    return "numbered" if (name, parent) == ("li", "ol") else HTML.get(name)


def marked(part: str, text: str) -> str:
    """A text as a part."""
    return f"{OPEN[part]}{text}{CLOSE[part]}"


def markdown(text: str) -> str:
    """A marked text as Markdown, its blocks parted by empty lines."""
    return "\n\n".join(_blocks(_parsed(text)))


def unmarked(text: str) -> str:
    """Markdown without what tells of structure; bullets and numbers of lists stay, as plain text has them."""
    parts, at = [], 0
    for block in code_blocks(text):
        parts += [_without_signs(text[at : block.start]), text[block.first : block.last]]
        at = block.end
    return "".join([*parts, _without_signs(text[at:])])


def _without_signs(text: str) -> str:
    text = _ESCAPED_FENCE.sub("", _BEGINNING.sub("", text))
    if "|" in text:
        text = _ROW.sub(lambda row: _BAR.sub(" ", row[1]).replace("\\|", "|"), _RULE.sub("", text))
    return text.replace("`", "")


class CodeBlock(NamedTuple):
    """Where a block of code stands in a text, with its fences (start, end) and without (first, last)."""

    start: int
    first: int
    last: int
    end: int


def code_blocks(text: str) -> list[CodeBlock]:
    """The blocks between fences, in the order of the text; a fence that nothing closes opens none."""
    found = []
    opening: re.Match[str] | None = None
    for fence in _FENCES.finditer(text) if "```" in text or "~~~" in text else ():
        if opening is None:
            opening = fence
        elif fence[1].startswith(opening[1]) and not fence[2].strip():
            found.append(CodeBlock(opening.start(), opening.end() + 1, fence.start(), fence.end()))
            opening = None
    return found


def lines_of_code(text: str) -> frozenset[int]:
    """Numbers of the lines, from 0, that stand in blocks of code, fences with them."""
    numbers: set[int] = set()
    at = line = 0
    for block in code_blocks(text):
        line += text.count("\n", at, block.start)
        after = line + text.count("\n", block.start, block.end)
        numbers.update(range(line, after + 1))
        at, line = block.end, after
    return frozenset(numbers)


def _parsed(text: str) -> _Part:
    parts = [_Part("text")]  # those that are open, outermost first
    for piece in _MARK.split(text):
        if opened := OPENED.get(piece):
            if len(parts) <= MAX_DEPTH:
                parts[-1].content.append(inner := _Part(opened))
                parts.append(inner)
        elif closed := CLOSED.get(piece):
            _close(parts, closed)
        elif piece:
            parts[-1].content.append(piece)
    return parts[0]


def _close(parts: list[_Part], name: str) -> None:
    """Close the innermost open part of a name, with all in it."""
    for level in range(len(parts) - 1, 0, -1):
        if parts[level].name == name:
            del parts[level:]
            return


def _blocks(part: _Part) -> list[str]:
    """The Markdown blocks of what is in a part."""
    return [block for name, parts in _runs(part) for block in _written(name, parts)]


def _runs(part: _Part) -> list[tuple[str, list[str | _Part]]]:
    """What is in a part, neighbours of one kind together; white space between parts is nothing."""
    groups = [(kind, list(group)) for kind, group in groupby(part.content, _kind)]
    says = [(kind, group) for kind, group in groups if kind != "text" or _line(group).strip()]
    return [
        (kind, [one for _, group in together for one in group]) for kind, together in groupby(says, key=itemgetter(0))
    ]


def _kind(one: str | _Part) -> str:
    return "text" if isinstance(one, str) or one.name == "code" else one.name


def _written(name: str, parts: list[str | _Part]) -> Iterator[str]:
    """Blocks of neighbours of one kind."""
    if name == "text":
        yield from _paragraphs(_line(parts))
        return
    inner = [one for one in parts if isinstance(one, _Part)]
    if name in LISTS:
        yield from _list(inner, numbered=name == "numbered")
    elif name == "row":
        yield from _table(inner)
    else:
        for one in inner:
            yield from _block(name, one)


def _block(name: str, part: _Part) -> Iterator[str]:
    if name == "code_block":
        code = _text(part)
        yield from [_fenced(code.strip("\n").rstrip())] if code.strip() else []
    elif name == "quote":
        quoted = "\n\n".join(_blocks(part))
        yield from [_begun(quoted, "> ", "> ")] if quoted else []
    elif name in HEADINGS:
        words = " ".join(_text(part).split())
        yield from [f"{'#' * int(name[1])} {words}"] if words else []
    else:
        yield from _blocks(part)


def _text(part: _Part) -> str:
    return "".join(one if isinstance(one, str) else _text(one) for one in part.content)


def _line(parts: list[str | _Part]) -> str:
    """Text and code in it."""
    return "".join(one if isinstance(one, str) else _span(_text(one)) for one in parts)


def _span(code: str) -> str:
    if not code.strip():
        return code
    longest = max(map(len, _TICKS.findall(code)), default=0)
    ticks, pad = "`" * (longest + 1), " " if code[0] == "`" or code[-1] == "`" else ""
    return f"{ticks}{pad}{' '.join(code.split())}{pad}{ticks}"


def _fenced(code: str) -> str:
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(code)), default=0))
    return f"{fence}\n{code}\n{fence}"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in _EMPTY_LINES.split(text):
        lines = [" ".join(line.split()) for line in paragraph.split("\n")]
        if found := "\n".join(filter(None, lines)):
            yield _FENCE.sub(r"\\", found)


def _begun(text: str, first: str, other: str) -> str:
    """A text, its first line with one beginning and the others with another; empty lines stay without spaces."""
    head, *lines = text.split("\n")
    return "\n".join([first + head, *(other + line if line else other.rstrip() for line in lines)])


def _list(items: list[_Part], *, numbered: bool) -> Iterator[str]:
    texts = list(filter(None, map(_item, items)))
    markers = [f"{number}. " if numbered else "- " for number in range(1, len(texts) + 1)]
    if texts:
        yield "\n".join(_begun(text, marker, " " * len(marker)) for text, marker in zip(texts, markers, strict=True))


def _item(part: _Part) -> str:
    """A list in an item stands on the next line, other blocks after an empty one."""
    text = ""
    for name, parts in _runs(part):
        if block := "\n\n".join(_written(name, parts)):
            text += ("" if not text else "\n" if name in LISTS else "\n\n") + block
    return text


def _table(rows: list[_Part]) -> Iterator[str]:
    """A table where it has two rows and columns of short texts; one that is there for the looks is its cells."""
    cells = [[one for one in row.content if isinstance(one, _Part)] for row in rows]
    width = max(map(len, cells))
    if not _is_table(cells, width):
        for row in rows:
            yield from _blocks(row)
        return
    lines = [" | ".join(map(_cell, row)) + " | " * (width - len(row)) for row in cells]
    head, *body = [f"| {line} |" for line in lines]
    yield "\n".join([head, "|" + "---|" * width, *body])


def _is_table(rows: list[list[_Part]], width: int) -> bool:
    """Whether rows are more than looks, and not so ragged that the cells to fill them would be most of the table."""
    filled = sum(map(len, rows))
    return (
        min(len(rows), width) > 1
        and width * len(rows) <= MAX_RAGGED * filled
        and all(_is_plain(cell) for row in rows for cell in row)
    )


def _is_plain(cell: _Part) -> bool:
    runs = _runs(cell)
    return cell.name == "cell" and all(name == "text" for name, _ in runs) and len(_blocks(cell)) < 2


def _cell(cell: _Part) -> str:
    return " ".join(_line(cell.content).split()).replace("|", "\\|")
