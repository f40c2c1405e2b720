"""An answer -> its records: documents with their address, deleted ones, and those that cannot be read, with why.

A pure function of the answer's bytes and `Records` (stages/sources/settings/records.py). One record, one outcome.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from catalog.digests import canonical_json
from stages.sources.api.answers import Tree, UnreadableAnswer, parsed, text_of
from stages.sources.formats import Broken, content_key
from stages.sources.rows import Row
from stages.sources.settings.records import Column, Records

MAX_URI = 2048  # characters
MAX_WORDS = 1 << 20  # positions of an inverted index
MAX_MATCHED = 8192  # characters that a regular expression of params.yaml is tried on: it may take quadratic time
MARKUP = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Deleted:
    """The interface says that the document is gone."""


@dataclass(frozen=True, slots=True)
class Found:
    """One record: the address of its document, what became of it, and the licence that it states."""

    uri: str
    row: Row | Broken | Deleted
    licence: str | None = None


def read_records(page: str, body: bytes, mime: str, charset: str | None, reading: Records) -> Iterator[Found]:
    """The records of the answer to `page`, in its order. An answer that cannot be read is one broken record."""
    if reading.format == "page":
        yield Found(page, Row(body=body, key=None, mime=mime, charset=charset))
        return
    try:
        records = record_trees(parsed(body, reading.format, reading.namespaces), reading)
    except UnreadableAnswer as error:
        yield Found(page, Broken("", str(error)))
        return
    for tree in records:
        yield _found(tree, page, reading)


def record_trees(answer: Tree, reading: Records) -> list[Tree]:
    """The parts of an answer that are records."""
    return [Tree(node, answer.namespaces) for node in answer.at(reading.path)]


def document_uri(record: Tree, reading: Records) -> str:
    """The address of a record's document. Errors: ValueError."""
    key = value_of(record, reading.id)
    if not key:
        raise ValueError(f"no id at {_path(reading.id)}")
    uri = reading.uri.replace("{id}", key)
    if len(uri) > MAX_URI or not uri.isprintable() or " " in uri:
        raise ValueError(f"the id at {_path(reading.id)} is longer than {MAX_URI} characters, or not printable")
    uri.encode()  # a lone surrogate cannot be stored
    return uri


def _found(record: Tree, page: str, reading: Records) -> Found:
    """What one record is. A broken one without an id is named by its page and its content."""
    uri = f"{page}#{content_key(_spelled(record))}"
    try:
        uri = document_uri(record, reading)
        if reading.gone and set(record.texts(reading.gone.path)) & set(reading.gone.values):
            return Found(uri, Deleted())
        return Found(uri, _row(record, reading), value_of(record, reading.licence))
    except (ValueError, RecursionError) as error:
        return Found(uri, Broken("", " ".join(str(error).split())[:300]))


def _row(record: Tree, reading: Records) -> Row:
    text = value_of(record, reading.text, join="\n\n")
    if text is None or not text.strip():
        raise ValueError(f"no text at {_path(reading.text)}")
    title, author = value_of(record, reading.title), value_of(record, reading.author)
    return Row(
        body=text.encode(), key=None, mime=reading.media_type, charset="utf-8",
        title=title, author=author, published_at=value_of(record, reading.published_at),
        given_label=value_of(record, reading.label), meta=_meta(record, reading), rights=_rights(record, reading),
    )  # fmt: skip


def _meta(record: Tree, reading: Records) -> str | None:
    """The other columns, as canonical JSON; None where all are empty."""
    values = {name: value for name, one in reading.meta.items() if (value := value_of(record, one)) is not None}
    return canonical_json(values) if values else None


def _rights(record: Tree, reading: Records) -> list[dict[str, str]]:
    """What a record says of its use, signal by signal."""
    found = ((signal, value_of(record, column)) for signal, column in reading.rights.items())
    return [{"signal": signal, "value": value, "where": "record"} for signal, value in found if value]


def value_of(record: Tree, column: Column | str | None, join: str | None = "; ") -> str | None:
    """The value of a column; None where it is empty. Errors: ValueError for one that cannot be made."""
    if column is None:
        return None
    spec = column if isinstance(column, Column) else Column(path=column, join=join)
    make = TRANSFORMS[spec.transform] if spec.transform else text_of
    values = [value for one in record.at(spec.path) if (value := _matched(make(one), spec.match))]
    text = spec.join.join(values) if spec.join is not None else next(iter(values), "")
    text.encode()  # a lone surrogate cannot be stored
    return text or None


def _matched(text: str, pattern: str | None) -> str:
    if pattern is None or not text:
        return text
    if len(text) > MAX_MATCHED:
        raise ValueError(f"a value of more than {MAX_MATCHED} characters is not matched")
    found = re.search(pattern, text)
    return "" if found is None else found[1] if found.re.groups else found[0]


def _inverted_index(value: Any) -> str:
    """Word -> positions as the text it was made from."""
    if not isinstance(value, dict):
        raise ValueError("the inverted index is no object")
    placed = {place: word for word, places in value.items() for place in places if type(place) is int}
    if len(placed) > MAX_WORDS:
        raise ValueError(f"the inverted index has more than {MAX_WORDS} words")
    return " ".join(placed[place] for place in sorted(placed))


def _base64(value: Any) -> str:
    try:
        return base64.b64decode(text_of(value)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"not base64 of UTF-8: {error}") from None


def _plain(value: Any) -> str:
    """The text of a fragment of markup, a block a line."""
    lines = html.unescape(MARKUP.sub("\n", text_of(value))).split("\n")
    return "\n".join(line for one in lines if (line := one.strip()))


def _markup(value: Any) -> str:
    if not isinstance(value, etree._Element):
        return text_of(value)
    return etree.tostring(value, encoding="unicode", with_tail=False)


TRANSFORMS: dict[str, Callable[[Any], str]] = {
    "inverted_index": _inverted_index, "base64": _base64, "plain": _plain, "markup": _markup,
    "lower": lambda value: text_of(value).lower(),
}  # fmt: skip


def _path(column: Column | str) -> str:
    return column.path if isinstance(column, Column) else column


def _spelled(record: Tree) -> bytes:
    """A record as bytes, for the key of one without a readable id."""
    node = record.node
    if isinstance(node, etree._Element):
        return etree.tostring(node)
    return json.dumps(node, sort_keys=True, ensure_ascii=True).encode()


def without_records(body: bytes, reading: Records, unwanted: Callable[[str], bool]) -> bytes:
    """An answer without the records of unwanted documents; the very bytes where there is none of them.

    Errors: UnreadableAnswer.
    """
    answer = parsed(body, reading.format, reading.namespaces)
    trees = record_trees(answer, reading)
    named = [tree for tree in trees if _is_unwanted(tree, reading, unwanted)]
    if not named:
        return body
    gone = {id(tree.node) for tree in named}
    if isinstance(answer.node, etree._Element):
        for tree in named:
            tree.node.getparent().remove(tree.node)
        return etree.tostring(answer.node, encoding="utf-8", xml_declaration=True)
    return json.dumps(_pruned(answer.node, gone), ensure_ascii=False, separators=(",", ":")).encode()


def _is_unwanted(record: Tree, reading: Records, unwanted: Callable[[str], bool]) -> bool:
    try:
        return unwanted(document_uri(record, reading))
    except ValueError:
        return False


def _pruned(node: Any, gone: set[int]) -> Any:
    """JSON without the objects `gone` names; at most MAX_DEPTH deep, as `parsed` gave it."""
    if id(node) in gone:
        return None
    if isinstance(node, list):
        return [_pruned(one, gone) for one in node if id(one) not in gone]
    if isinstance(node, dict):
        return {name: _pruned(one, gone) for name, one in node.items() if id(one) not in gone}
    return node
