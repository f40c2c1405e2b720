"""Every reader of what strangers write, as a function of bytes that accounts for each row or raises our own error."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from catalog.errors import GristmillError
from catalog.params import load_params, read_block
from stages import crawl, label
from stages.labels.offsets import Misfit
from stages.labels.people.formats import read_answers
from stages.labels.values import READERS as KINDS
from stages.labels.values import Form, Unanswered, value_of
from stages.sources.captures import Origin, capture_tables
from stages.sources.files import FilesReading, read_files
from stages.sources.members import Reader
from stages.sources.settings.archive import ArchiveSource, Pinned
from stages.sources.settings.reading import Reading
from stages.sources.settings.warc import WarcSource
from stages.web.extract import OUTCOMES, READS, ExtractParams, _outcome
from tests.fuzz.seeds import (
    BOOK,
    DOCCANO,
    FLAT,
    MAIN,
    MARKDOWN,
    PACKAGE,
    PACKED,
    PAGE,
    PARAMS,
    SHEET,
    STUDIO,
    WARCS,
    WIKITEXT,
)  # fmt: skip
from tests.stages.documents import files
from tests.stages.prose import ENGLISH
from tests.stages.sources import dumps
from tests.stages.sources.web_archives import gathered


class Fuzzed(NamedTuple):
    """A reader, called in an empty folder, and the files that are damaged for it."""

    read: Callable[[bytes], None]
    seeds: Sequence[bytes]


def document(mime: str, data: bytes, *, structure: bool = False) -> None:
    """One outcome, which the table of outcomes takes."""
    capture = dict.fromkeys(READS) | {"id": "x", "uri": "file:x", "source": "s", "mime": mime, "body": data}
    outcome = _outcome(capture, ExtractParams(structure=structure))
    (row,) = pa.Table.from_pylist([outcome], schema=OUTCOMES).to_pylist()
    assert (row["error"] is None) == (row["text"] is not None)


def inside(mime: str, name: str, others: dict[str, str | bytes], data: bytes) -> None:
    """The same for a member of a zip file: damage to the zip itself seldom reaches the readers of XML."""
    document(mime, files.zipped(others | {name: data}))


def table_file(kind: str, data: bytes) -> None:
    """Every row of a file is a capture or in the quarantine."""
    name, _, reading = dumps.FILES[kind]
    Path(name).write_bytes(data)
    rows = {"captures": 0, "quarantine": 0}
    for table, _, content in read_files([Path(name)], params=FilesReading(name="s", licence="MIT", reading=reading)):
        rows[table] = rows.get(table, 0) + content.num_rows
    assert rows["captures"] == rows["verdicts"]
    found = rows["captures"] + rows["quarantine"]
    if (
        kind == "jsonl"
        and b"\n" in data
        and not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ"))
    ):
        assert found == len([line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()])


def archive(globs: Sequence[str], name: str, data: bytes) -> None:
    """Members are rows or refused, one by one; an archive that cannot be read at all is refused whole."""
    Path(name).write_bytes(data)
    readings = tuple(Reading(match=glob, format="lines") for glob in globs)
    source = ArchiveSource(name="s", licence="MIT", archive=Pinned(path=name), members=readings)
    located = list(Reader(source, Path(name), f"file:{name}").located())
    tables = capture_tables(located, Origin(source="s", licence="MIT"))
    assert sum(table.num_rows for kind, _, table in tables if kind != "verdicts") == len(located)


def warc(data: bytes) -> None:
    """`gathered` counts the records that may be documents, and finds each of them."""
    Path("a.warc").write_bytes(data)
    gathered(WarcSource(name="web", licence="CC0-1.0", path="*.warc", media_types=("text/html",)), [Path("a.warc")])


def annotations(name: str, data: bytes) -> None:
    """Every answer is a value of its task, or says why it is none."""
    Path(name).write_bytes(data)
    for kind in KINDS:
        form = Form(task="t", kind=kind, labels=["good", "bad"], relations=["of"])  # type: ignore[arg-type]
        for told in read_answers(Path(name), kind):
            try:
                json.dumps(value_of(form, told.label, told.text), ensure_ascii=False).encode()
            except (Misfit, Unanswered):
                continue


def params(data: bytes) -> None:
    """A block is what its classes say, or every problem is named."""
    Path("params.yaml").write_bytes(data)
    load_params("crawl", read_block("crawl"), [crawl.CrawlParams])
    load_params("label", read_block("label"), [label.LabelParams, label.SETTLE.params])


def refused(read: Callable[[bytes], None], data: bytes) -> bool:
    """Does a reader refuse a whole file by an error of ours? Any other error is a bug."""
    try:
        read(data)
    except GristmillError as error:
        return bool(str(error).encode())
    return False


HTML = "text/html; charset=utf-8"
EPUB, DOCX = "application/epub+zip", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FUZZED: dict[str, Fuzzed] = {
    "html": Fuzzed(partial(document, HTML), [PAGE]),
    "html with structure": Fuzzed(partial(document, HTML, structure=True), [PAGE]),
    "xhtml": Fuzzed(partial(document, "application/xhtml+xml"), [b"<?xml version='1.0'?>" + PAGE]),
    "any bytes": Fuzzed(partial(document, ""), [PAGE, MARKDOWN, b"%PDF-1.7\n", b"PK\3\4", files.latex("A", "b")]),
    "plain": Fuzzed(
        partial(document, "text/plain"), [ENGLISH.encode(), "河边的老磨坊".encode("gb18030"), b"a &amp; b"]
    ),
    "markdown": Fuzzed(partial(document, "text/markdown"), [MARKDOWN]),
    "wikitext": Fuzzed(partial(document, "text/x-wiki", structure=True), [WIKITEXT]),
    "latex": Fuzzed(partial(document, "application/x-tex", structure=True), [files.latex("The mill", "One two.")]),
    "jats": Fuzzed(
        partial(document, "application/xml", structure=True), [files.jats("The mill", "About.", "One two.")]
    ),
    "tei": Fuzzed(partial(document, "application/xml", structure=True), [files.tei("The mill", "One two.")]),
    "pdf": Fuzzed(
        partial(document, "application/pdf"), [files.pdf("One", "Two", title="The mill"), files.encrypted_pdf()]
    ),
    "epub": Fuzzed(partial(document, EPUB), [files.epub("<html><body><p>One</p></body></html>", title="The mill")]),
    "docx": Fuzzed(partial(document, DOCX), [files.zipped({"word/document.xml": MAIN})]),
    "a part of a docx": Fuzzed(partial(inside, DOCX, "word/document.xml", {}), [MAIN]),
    "package of an epub": Fuzzed(partial(inside, EPUB, "b.opf", BOOK), [PACKAGE]),
    "chapter of an epub": Fuzzed(partial(inside, EPUB, "c.xhtml", BOOK | {"b.opf": PACKAGE}), [PAGE]),
    **{kind: Fuzzed(partial(table_file, kind), [content]) for kind, (_, content, _) in dumps.FILES.items()},
    **{name: Fuzzed(partial(archive, globs, name), [content]) for name, (globs, content) in PACKED.items()},
    "warc": Fuzzed(warc, WARCS),
    "label studio": Fuzzed(partial(annotations, "a.json"), [json.dumps(rows).encode() for rows in (STUDIO, FLAT)]),
    "doccano": Fuzzed(partial(annotations, "a.jsonl"), ["\n".join(map(json.dumps, DOCCANO)).encode()]),
    "annotations in csv": Fuzzed(partial(annotations, "a.csv"), [SHEET.encode()]),
    "params.yaml": Fuzzed(params, [PARAMS]),
}
