"""Extraction: each capture becomes a document or a quarantined row with its reason."""

from __future__ import annotations

import hashlib
import random
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pytest

from catalog.schema import CAPTURES, DOCUMENTS, QUARANTINE
from stages.web.extract import ExtractParams, extract
from tests.stages.prose import CHINESE, ENGLISH


def page(body: str, title: str = "The mill") -> str:
    """A web page with navigation, one article, a comment form and a footer."""
    return (
        f"<!doctype html><html><head><meta charset='utf-8'><title>{title}</title>"
        "<script>var x = '<p>no</p>';</script></head>"
        "<body><nav><ul><li><a href='/'>Home</a></li><li><a href='/shop'>Shop</a></li></ul></nav>"
        f"<main><article><h1>{title}</h1><p>{body}</p></article></main>"
        "<footer>Imprint and contact</footer></body></html>"
    )


def sha256(data: bytes) -> str:
    """Digest in hex."""
    return hashlib.sha256(data).hexdigest()


def captures(*rows: dict[str, Any]) -> pa.Table:
    """Captures with the given columns, plain text unless they say otherwise."""
    blank = dict.fromkeys(CAPTURES.names) | {"source": "test", "licence": "CC0", "mime": "text/plain"}
    full = []
    for number, row in enumerate(rows):
        uri = f"file:test#{number}"
        given = {"id": sha256(uri.encode())[:32], "uri": uri, "body_digest": sha256(row["body"])}
        full.append(blank | given | row)
    return pa.Table.from_pylist(full, schema=CAPTURES)


def run(*rows: dict[str, Any], **params: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(documents, quarantined rows)."""
    result = extract(captures(*rows), params=ExtractParams(**params))
    assert result["text"].schema.equals(DOCUMENTS) and result["quarantine"].schema.equals(QUARANTINE)
    return result["text"].to_pylist(), result["quarantine"].to_pylist()


def html(text: str) -> dict[str, Any]:
    """A capture of a page."""
    return {"body": text.encode(), "mime": "text/html; charset=utf-8"}


def test_main_text_of_a_page() -> None:
    """The article stays; navigation, script and footer go; the title comes from the page."""
    (document,), _ = run(html(page(ENGLISH, "Mills &amp; rivers")))
    assert ENGLISH in document["text"]
    assert not any(other in document["text"] for other in ("Shop", "Imprint", "var x"))
    assert (document["title"], document["extractor"], document["language"]) == ("Mills & rivers", "resiliparse", "en")


def test_chinese_pages_go_to_trafilatura() -> None:
    """`auto` reads East Asian pages with the extractor that is better at them."""
    (document,), _ = run(html(page(CHINESE, "磨坊")))
    assert (document["extractor"], document["language"]) == ("trafilatura", "zh")
    assert CHINESE in document["text"]


@pytest.mark.parametrize("extractor", ["resiliparse", "trafilatura"])
def test_a_named_extractor_reads_every_page(extractor: str) -> None:
    """The parameter wins over the text."""
    documents, _ = run(html(page(CHINESE)), html(page(ENGLISH)), extractor=extractor)
    assert [document["extractor"] for document in documents] == [extractor] * 2


def test_a_text_that_trafilatura_misses_is_read_by_the_other() -> None:
    """A paragraph that stands twice is one to trafilatura; what finds far less gives way, unless told otherwise."""
    twice = html(page(f"{ENGLISH}</p><p>{ENGLISH}</p><p>{ENGLISH}"))
    (kept,), _ = run(twice, extractor="trafilatura")
    (alone,), _ = run(twice, extractor="trafilatura", min_share=0)
    assert (kept["extractor"], alone["extractor"]) == ("resiliparse", "trafilatura")
    assert kept["text"].count(ENGLISH) == 3 > alone["text"].count(ENGLISH)


def test_who_read_a_document_is_recorded_with_version_and_options() -> None:
    """Of each document on its own; no library reads plain text."""
    documents, _ = run(html(page(ENGLISH)), html(page(CHINESE)), {"body": b"plain"})
    assert [document["extraction"] for document in documents] == [
        f"resiliparse {version('resiliparse')} main_content=true alt_texts=false comments=false post_meta=false",
        f"trafilatura {version('trafilatura')} fast=true include_comments=false",
        None,
    ]


HEAD = (
    "<html lang=zh-hant-tw><title>T</title><meta name=author content='Ann Miller'>"
    "<meta property=article:published_time content='2024-05-01T10:00:00+02:00'>"
    "<link rel=canonical href='/a?utm_source=x&token=s3cret'>"
)


def test_what_a_page_says_of_itself_is_a_column() -> None:
    """Author, date, address and language; the source's word wins, and a name is redacted like the text."""
    said = html(HEAD + page(ENGLISH)) | {"uri": "http://mill.test/b/c"}
    given = said | {"author": "bo@example.com", "published_at": "Mon, 06 May 2024 01:02:03 GMT"}
    own, other = run(said, given)[0]
    names = ("author", "published", "canonical", "language_hint")
    assert [own[name] for name in names] == [
        "Ann Miller", "2024-05-01T08:00:00Z", "http://mill.test/a", "zh-Hant-TW"
    ]  # fmt: skip
    assert [other[name] for name in names[:2]] == ["<EMAIL>", "2024-05-06T01:02:03Z"]


def test_a_page_says_its_language_before_its_server_does() -> None:
    """Content-Language counts where the document names none, and where it is a tag."""
    said = [{"content_language": "de-at, en"}, {"content_language": "unknown language"}, {}]
    plain, odd, none = run(*(html(page(ENGLISH)) | one for one in said))[0]
    own, text = run(html(HEAD) | said[0], {"body": ENGLISH.encode(), "content_language": "en"})[0]
    found = [row["language_hint"] for row in (plain, odd, none, own, text)]
    assert found == ["de-AT", None, None, "zh-Hant-TW", "en"]


def test_a_date_of_the_source_that_is_none_gives_way_to_that_of_the_page() -> None:
    """`published` holds ISO 8601 or nothing."""
    said = html(HEAD + page(ENGLISH)) | {"published_at": "last week"}
    (document,), _ = run(said)
    (plain,), _ = run({"body": b"text", "published_at": "last week"})
    assert (document["published"], plain["published"]) == ("2024-05-01T08:00:00Z", None)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"body": "caf\u00e9".encode("latin-1"), "charset": "iso-8859-1"}, "café"),
        ({"body": "cafÃ© crème".encode()}, "café crème"),
        ({"body": b"fish &amp; chips &lt;3"}, "fish & chips <3"),
        ({"body": b"<b>fish</b> &amp; chips"}, "<b>fish</b> &amp; chips"),
        ({"body": b"mail ann@example.com or 13812345678"}, "mail <EMAIL> or <PHONE>"),
        ({"body": " \u200b \n".encode()}, ""),
        ({"body": b"", "mime": ""}, ""),
        ({"body": b'{"a": 1}', "mime": "application/json"}, '{"a": 1}'),
    ],
)
def test_plain_text(row: dict[str, Any], text: str) -> None:
    """Plain text is decoded, repaired, put into normal form and redacted; an empty one is a row with an empty text."""
    (document,), quarantined = run(row)
    assert (document["text"], document["extractor"], quarantined) == (text, "plain", [])
    assert document["text_digest"] == sha256(text.encode())


def test_html_without_a_type_is_recognised() -> None:
    """A file that begins like a page is a page."""
    (document,), _ = run({"body": page(ENGLISH).encode(), "mime": "application/octet-stream"})
    assert document["extractor"] == "resiliparse"


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"body": random.Random(7).randbytes(3000)}, "not text"),
        ({"body": random.Random(8).randbytes(3000), "mime": "text/html", "charset": "iso-8859-1"}, "not text"),
        ({"body": b"\x89PNG", "mime": "image/png"}, "no extractor for media type image/png"),
        (html("<div>" * 20_000), "depth 513, more than max_depth 512"),
        (html("<p " + "a=1 " * 20_000 + ">"), "attributes 20000, more than max_attributes 512"),
        (html("<p x=" + "a" * 100_000 + ">"), "tag_bytes"),
        (html("<p>x" * 200_000), "elements 200000, more than max_elements 100000"),
        ({"body": b"x" * 2_000_001, "mime": "text/plain"}, "body of 2000001 bytes, more than max_body_bytes 2000000"),
    ],
)
def test_what_cannot_be_read_is_quarantined(row: dict[str, Any], error: str) -> None:
    """Garbage, unknown types, bombs and giants are set aside with the reason; their neighbours are not touched."""
    good = {"body": b"a good row"}
    documents, quarantined = run(good, row, good, max_body_bytes=2_000_000)
    assert [document["text"] for document in documents] == ["a good row"] * 2
    assert len(quarantined) == 1 and error in quarantined[0]["error"] and quarantined[0]["uri"] == "file:test#1"


def test_no_row_is_lost() -> None:
    """Rows in = documents + quarantined, in order, whatever the bytes are."""
    noise = random.Random(3)
    kinds = ("text/plain", "text/html", "", "image/png", "application/octet-stream")
    rows = [{"body": noise.randbytes(noise.randrange(200)), "mime": noise.choice(kinds)} for _ in range(300)]
    table = captures(*rows)
    result = extract(table, params=ExtractParams())
    text, quarantine = result["text"]["id"].to_pylist(), result["quarantine"]["id"].to_pylist()
    assert sorted(text + quarantine) == sorted(table["id"].to_pylist())
    order = {key: number for number, key in enumerate(table["id"].to_pylist())}
    assert text == sorted(text, key=order.__getitem__) and quarantine == sorted(quarantine, key=order.__getitem__)


def test_the_value_of_a_redaction_is_nowhere() -> None:
    """An address is not left in the title either, and the count is right."""
    (document,), _ = run(html(page(ENGLISH + " Write to ann@example.com.", "Ask ann@example.com")))
    assert "ann@example.com" not in str(document)
    assert document["redactions"] >= 1 and document["title"] == "Ask <EMAIL>"


def test_wrong_parameters_are_named_together() -> None:
    """Every impossible value of the block is reported at once."""
    with pytest.raises(ValueError, match=r"`max_garbage` is 2.*\n.*`max_depth` is 0"):
        ExtractParams(max_garbage=2, max_depth=0)
