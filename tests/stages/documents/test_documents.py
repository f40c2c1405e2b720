"""Document formats: each becomes its text, in order, without its machinery; what is broken is said to be so."""

from __future__ import annotations

import contextlib
import random
import time
from typing import Any

import pytest

from stages.documents import latex as latex_reader
from stages.documents.kinds import kind_of
from stages.documents.markdown import read as read_markdown
from stages.documents.reading import UnreadableError
from tests.fuzz.test_readers import watched
from tests.stages.documents import files
from tests.stages.prose import CHINESE, ENGLISH
from tests.stages.web.test_extract import run

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
WORDS = ("The mill", ENGLISH, "en"), ("磨坊", CHINESE, "zh")


def made(kind: str, title: str, text: str) -> tuple[bytes, str]:
    """(a file that holds a title and a text, its media type)."""
    if kind == "pdf":
        return files.pdf(title, text, title=title), "application/pdf"
    if kind == "epub":
        chapters = (files.CHAPTER.format(head=title, text=text), files.CHAPTER.format(head="2", text="the end"))
        return files.epub(*chapters, title=title), "application/epub+zip"
    if kind == "docx":
        return files.docx(title, title, text, [["a", "b"], ["c", "d"]]), DOCX
    if kind == "jats":
        return files.jats(title, "An abstract.", text), "application/xml"
    if kind == "tei":
        return files.tei(title, text), "text/xml; charset=utf-8"
    if kind == "latex":
        return files.latex(title, text), "application/x-tex"
    return f"---\ntitle: {title}\ntags:\n  - a\n---\n# {title}\n\n{text}\n".encode(), "text/markdown"


KINDS = ("pdf", "epub", "docx", "jats", "tei", "latex", "markdown")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("title", "text", "language"), WORDS)
def test_a_document_becomes_its_text(kind: str, title: str, text: str, language: str) -> None:
    """English and Chinese: the whole text, the title from the document's own metadata, the reader's name."""
    body, mime = made(kind, title, text)
    (document,), _ = run({"body": body, "mime": mime})
    assert text in " ".join(document["text"].split("\n"))
    assert (document["title"], document["extractor"], document["language"]) == (title, kind, language)
    assert not any(noise in document["text"] for noise in ("Figure", "Footnote", "Reference", "Contents", "usepackage"))


@pytest.mark.parametrize("kind", ["pdf", "epub", "docx", "jats", "latex"])
@pytest.mark.parametrize("mime", ["", "application/octet-stream"])
def test_a_file_without_a_type_is_known_by_its_bytes(kind: str, mime: str) -> None:
    """The first bytes decide where the media type says nothing."""
    (document,), _ = run({"body": made(kind, "The mill", ENGLISH)[0], "mime": mime})
    assert document["extractor"] == kind


TEXTS = [
    (files.pdf("One.", "Two.", compress=True), "application/pdf", "One.\n\nTwo."),
    (files.docx("", "Head", "Body.", [["a", "b"], ["c", "d"]]), DOCX, "Head\n\nBody.\n\na b\nc d"),
    (
        files.jats("Mills", "Short.", "Long."),
        "application/jats+xml",
        "Mills\n\nShort.\n\nGrain & stones\n\nLong. café [1]",
    ),
    (files.tei("Mills", "To"), "application/tei+xml", "Mills\n\nOne\n\nTo the end.\n\na verse\nanother"),
    (files.latex("Mills", "To"), "text/x-tex", "Grain\n\nTo\nWith $x^2$ and care."),
    (files.epub("<p>no XML<br>but HTML"), "application/epub+zip", "no XML\nbut HTML"),
    (b"<?xml version='1.0'?><article><para>DocBook</para></article>", "application/xml", None),
    (b"---\nnot: [simple\n\ttext\n===\n# A *b*\n", "text/markdown", "---\nnot: [simple\ntext\n===\n# A *b*"),
]


@pytest.mark.parametrize(("body", "mime", "text"), TEXTS)
def test_the_text_of_a_document(body: bytes, mime: str, text: str | None) -> None:
    """Order, paragraphs, rows of tables; XML that is no article and Markdown stay as they are."""
    (document,), _ = run({"body": body, "mime": mime})
    assert document["text"] == (body.decode() if text is None else text)


XHTML = (
    "<?xml version='1.0' encoding='{charset}'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'x.dtd'>\n"
    "<html xmlns='http://www.w3.org/1999/xhtml' xml:lang='en'><head><script src='a.js'/><title>Mills</title></head>"
    "<body><div/><nav><a href='/'>Home</a></nav><article><p>{text}</p><p>{text}<br/>caf\u00e9</p></article>"
    "</body></html>"
)


@pytest.mark.parametrize("mime", ["application/xml", "text/xml", "application/xhtml+xml", "", "text/html"])
@pytest.mark.parametrize("declared", [None, "iso-8859-1"])
def test_html_written_as_xml_is_read_as_html(mime: str, declared: str | None) -> None:
    """Whatever its type; a script that closes itself swallows nothing, and the declaration names the charset."""
    body = XHTML.format(charset="iso-8859-1", text=ENGLISH).encode("latin-1")
    if mime in ("", "text/html"):
        body = body.replace(b"<script src='a.js'/>", b"")  # in HTML it would begin a script
    (document,), _ = run({"body": body, "mime": mime, "charset": declared})
    assert (document["extractor"], document["title"], document["language_hint"]) == ("resiliparse", "Mills", "en")
    assert document["text"].count(ENGLISH) == 2 and "café" in document["text"] and "Home" not in document["text"]


def test_xml_that_only_holds_html_is_none() -> None:
    """An element of another vocabulary at the root, and HTML's under a prefix, stay the text they were."""
    bodies = [b"<feed><html>x</html></feed>", b"<h:html xmlns:h='x'><h:p>x</h:p></h:html>"]
    documents, _ = run(*({"body": body, "mime": "application/xml"} for body in bodies))
    assert [document["text"] for document in documents] == [body.decode() for body in bodies]


CLAIMS = [
    ("\ufeff", "utf-8", "gbk", "big5", "utf-8"),  # BOM
    ("", "gbk", "gbk", "big5", "gbk"),  # server
    ("", "gbk", None, "gbk", "gbk"),  # document
    ("", "utf-8", None, None, "utf-8"),  # bytes
    ("", "gb18030", None, None, "gb18030"),
]
WRITTEN = {
    "text/html": "<html><head>{said}</head><body><article><p>{text}</p></article></body></html>",
    "application/xhtml+xml": "{said}<html><body><article><p>{text}</p></article></body></html>",
    "application/tei+xml": "{said}<TEI><text><body><p>{text}</p></body></text></TEI>",
    "application/jats+xml": "{said}<article><front><article-meta/></front><body><p>{text}</p></body></article>",
    "text/plain": "{text}",
    "text/markdown": "{text}",
}


@pytest.mark.parametrize(("bom", "written", "server", "own", "charset"), CLAIMS)
@pytest.mark.parametrize("mime", WRITTEN)
def test_order_of_claims_about_the_charset(
    mime: str, bom: str, written: str, server: str | None, own: str | None, charset: str
) -> None:
    """In every format that is text: BOM, server, document, bytes."""
    said = (
        "" if not own else f"<meta charset={own}>" if "html" in mime[:9] else f'<?xml version="1.0" encoding="{own}"?>'
    )
    if own and server is None and "{said}" not in WRITTEN[mime]:
        pytest.skip("a format that does not name its charset")
    body = (bom + WRITTEN[mime].format(said=said, text=CHINESE)).encode(written)
    (document,), _ = run({"body": body, "mime": mime, "charset": server})
    assert (document["text"], document["charset"].replace("gb18030", "gbk")) == (
        CHINESE,
        charset.replace("gb18030", "gbk"),
    )


def test_a_title_of_the_source_wins() -> None:
    """What the source says of a document is more than what the document says of itself."""
    (document,), _ = run(
        {"body": files.pdf("Text.", title="untitled.doc"), "mime": "application/pdf", "title": "Mills"}
    )
    assert document["title"] == "Mills"


CUT = files.zipped({"mimetype": "application/epub+zip"})
DEEP = b"<TEI>" + b"<p>" * 300 + b"</p>" * 300 + b"</TEI>"
LAUGHS = (
    b'<!DOCTYPE TEI [<!ENTITY a "ha ha ha ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    b"<TEI><text>fine &b;&c; text</text></TEI>"
)
BOMB = files.docx("", "", "", [[""]])
BROKEN: list[tuple[bytes, str, str]] = [
    (files.encrypted_pdf(), "application/pdf", "encrypted"),
    (b"%PDF-1.7 and then rubbish", "application/pdf", "not a readable PDF"),
    (b"rubbish", "application/pdf", "not a readable PDF"),
    (files.pdf("a", "b", "c"), "application/pdf", "3 pages, more than max_pages 2"),
    (files.pdf("x" * 30_000), "application/pdf", "more than max_document_bytes 100000"),
    (files.pdf("\ue000\ue001\ue002", "\ue003"), "application/pdf", "not text"),
    (b"PK\x03\x04 and then rubbish", "application/epub+zip", "not a readable zip file"),
    (CUT, "application/epub+zip", "the member META-INF/container.xml is missing"),
    (CUT, DOCX, "a zip file that is no DOCX"),
    (files.epub("<p/>" * 30_000), "application/epub+zip", "zip bomb: it unpacks to more than max_unpacked_bytes"),
    (files.epub(*["<p/>"] * 80), "application/epub+zip", "zip bomb: 84 members, more than max_members 50"),
    (files.epub("<b>" * 1000), "application/epub+zip", "parser bomb: depth"),
    (b"<TEI><p>not closed</TEI>", "application/xml", "not well-formed XML"),
    (DEEP, "application/xml", "not well-formed XML: Excessive depth"),
    (b"\\documentclass{a}" + b"{" * 50_000, "application/x-tex", "LaTeX nested more than 40 deep"),
    (b"\\begin{a}" * 9_000, "application/x-tex", "LaTeX nested more than 40 deep"),
    (b"\\section[" * 9_000, "application/x-tex", "LaTeX nested more than 40 deep"),
]


@pytest.mark.parametrize(("body", "mime", "error"), BROKEN)
def test_what_is_broken_is_quarantined(body: bytes, mime: str, error: str) -> None:
    """Encrypted, cut, nested, unpacked without end: each with its reason, and its neighbours are read."""
    bounds = {"max_pages": 2, "max_document_bytes": 100_000, "max_unpacked_bytes": 100_000, "max_members": 50}
    good = {"body": b"a good row"}
    documents, quarantined = run(good, {"body": body, "mime": mime}, good, **bounds)
    assert [document["text"] for document in documents] == ["a good row"] * 2
    assert len(quarantined) == 1 and error in quarantined[0]["error"], quarantined


def test_an_encrypted_chapter_is_no_text() -> None:
    """A book whose chapters are listed as encrypted is not read as garbage; encrypted fonts do no harm."""
    listed = (
        "<encryption><EncryptedData><CipherData><CipherReference URI='{}'/></CipherData></EncryptedData></encryption>"
    )
    chapter = files.CHAPTER.format(head="1", text="text")
    books = [
        files.epub(chapter, **{"META-INF/encryption.xml": listed.format(name)})
        for name in ("OEBPS/text/c0%20.xhtml", "OEBPS/font.otf")
    ]
    documents, quarantined = run(*({"body": book, "mime": "application/epub+zip"} for book in books))
    assert [row["error"] for row in quarantined] == ["encrypted"] and len(documents) == 1


def test_entities_are_not_expanded() -> None:
    """Neither those that multiply nor those that read a file."""
    (document,), _ = run({"body": LAUGHS, "mime": "application/xml"})
    assert document["text"] == "fine text"


def test_a_member_that_lies_about_its_size_is_bounded() -> None:
    """What counts is what comes out, not what the directory says."""
    body = bytearray(files.zipped({"word/document.xml": b" " * 3_000_000}))
    for mark, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = body.rfind(mark) + at
        body[place : place + 4] = (10).to_bytes(4, "little")
    _, quarantined = run({"body": bytes(body), "mime": DOCX}, max_unpacked_bytes=1000)
    assert len(quarantined) == 1


@pytest.mark.parametrize(
    "bomb", ["$" * 100_000, "%\n" * 100_000, "\\a" * 25_000, "\\end{a}" * 10_000, "[" * 100_000, "\\title{" * 30_000]
)
def test_latex_takes_linear_time(bomb: str) -> None:
    """Dollars, comments, macros, ends without a beginning."""
    start = time.process_time()
    with contextlib.suppress(UnreadableError):
        latex_reader.read(bomb, "utf-8")
    assert time.process_time() - start < 40


@pytest.mark.parametrize(
    "start", ["---\n" + "a: b\n" * 20_000, "---\n" + " " * 100_000, "# " + " " * 100_000, "---\n" * 30_000]
)
def test_markdown_takes_linear_time(start: str) -> None:
    """Front matter without an end, a heading of spaces."""
    began = time.process_time()
    read_markdown(start, "utf-8")
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "start", [b"<!--" * 50_000, b"<?x " * 50_000, b"<!DOCTYPE a [" * 9_000, b" " * 100_000, b"%\n" * 50_000]
)
@pytest.mark.parametrize("mime", ["", "application/xml"])
def test_the_kind_of_a_bomb_is_found_in_linear_time(start: bytes, mime: str) -> None:
    """Comments, instructions and declarations without an end."""
    began = time.process_time()
    kind_of(mime, start)
    assert time.process_time() - began < 10


def test_no_damaged_file_is_lost() -> None:
    """Any byte of any format may be another: a document or a reason, never an exception."""
    noise = random.Random(5)
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        body, mime = made(kind, "The mill", ENGLISH)
        for _ in range(30):
            damaged = bytearray(body[: noise.randrange(len(body) // 2, len(body))])
            for _ in range(noise.randrange(5)):
                damaged[noise.randrange(len(damaged))] = noise.randrange(256)
            rows.append({"body": bytes(damaged), "mime": mime})
    documents, quarantined = run(*rows)
    assert len(documents) + len(quarantined) == len(rows) and documents and quarantined


def test_many_comments_before_a_root_are_read_in_one_way() -> None:
    """Sixty of them could be taken for one, or two, or three: 2^60 ways to find that no root follows."""
    with watched(), contextlib.suppress(UnreadableError):
        kind_of("application/xml", b"<?xml version='1.0'?>" + b"<!-- a -->" * 60 + b"<<TEI>")
    assert kind_of("application/xml", b"<?xml version='1.0'?>" + b"<!-- a -->\n" * 20 + b"<TEI>") == "tei"
