"""Web archives: every record that may be a document is a capture or a reasoned row of the quarantine."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]

from stages.sources.settings.warc import WarcSource
from stages.sources.warc_export import compressed, record_bytes
from stages.sources.warc_records import MAX_DICTIONARY, Ending, Record, records, unchunked
from tests.stages.sources.web_archives import accounts, gathered

PAGE = b"<html><body><p>A page of some words.</p></body></html>"
DAY = "2024-05-0{}T00:00:00Z"


def sha1(body: bytes) -> str:
    """A digest as WARC files write it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(body).digest()).decode()


def http(body: bytes, *fields: str, status: str = "200 OK", mime: str = "text/html; charset=UTF-8") -> bytes:
    """An HTTP answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {mime}", *fields])
    return head.encode() + b"\r\n\r\n" + body


def record(kind: str, uri: str, block: bytes, day: int = 1, **more: str) -> bytes:
    """One WARC record."""
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{hashlib.md5(uri.encode() + block).hexdigest()}>",
        "WARC-Date": DAY.format(day),
        "WARC-Target-URI": uri,
        "Content-Type": "application/http; msgtype=response",
    }
    fields |= {name.replace("_", "-"): value for name, value in more.items()}
    return record_bytes(list(fields.items()), block)


def read(*files: bytes, **settings: Any) -> tuple[dict[str, dict[str, Any]], list[dict[str, str]]]:
    """(captures by URI, quarantine) of a source whose files have these bytes."""
    paths = [Path(f"{number}.warc") for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
    source = WarcSource(name="web", licence="CC0-1.0", path="*.warc", **settings)
    return gathered(source, paths)


R = [record("response", f"https://a.test/{number}", http(PAGE + b"%d" % number)) for number in range(3)]
CHUNKS = b"5\r\n<html\r\n" + b"%x\r\n" % (len(PAGE) - 5) + PAGE[5:] + b"\r\n0\r\n\r\n"


def test_the_header_says_the_language_of_a_page(project: Path) -> None:
    """As it is written; what is no text says nothing."""
    said = ("en-GB, fr", "  ", "caf\u00e9", None)
    pages = [http(PAGE, *([f"Content-Language: {one}"] if one else [])) for one in said]
    captures, _ = read(*(record("response", f"https://a.test/{number}", page) for number, page in enumerate(pages)))
    assert [captures[name]["content_language"] for name in sorted(captures)] == ["en-GB, fr", None, None, None]


@pytest.mark.parametrize(
    ("block", "more"),
    [
        (http(PAGE), {}),
        (http(CHUNKS, "Transfer-Encoding: chunked"), {}),
        (http(PAGE, "Transfer-Encoding: chunked"), {}),
        (http(gzip.compress(PAGE), "Content-Encoding: gzip"), {}),
        (http(zstd.compress(PAGE), "Content-Encoding: zstd"), {}),
        (http(PAGE, "Content-Encoding: gzip"), {}),
        (http(PAGE), {"WARC_Payload_Digest": sha1(PAGE)}),
        (http(PAGE), {"WARC_Payload_Digest": "sha256:" + hashlib.sha256(PAGE).hexdigest()}),
        (http(CHUNKS, "Transfer-Encoding: chunked"), {"WARC_Payload_Digest": sha1(CHUNKS)}),
        (http(CHUNKS, "Transfer-Encoding: chunked"), {"WARC_Payload_Digest": sha1(PAGE)}),
        (http(PAGE), {"WARC_Payload_Digest": sha1(http(PAGE))}),  # as in ClueWeb
    ],
)
def test_the_body_is_what_the_page_was(project: Path, block: bytes, more: dict[str, str]) -> None:
    """Chunks and codings are undone, also where a header claims what is not there; any honest digest fits."""
    captures, quarantine = read(record("response", "https://a.test/", block, **more))
    assert not quarantine
    row = captures["https://a.test/"]
    assert (row["body"], row["mime"], row["charset"], row["status"]) == (PAGE, "text/html", "utf-8", 200)
    kept = json.loads(row["meta"])
    assert kept["warc_date"] == DAY.format(1)
    assert kept["http_header"].replace("X-Crawl-", "").encode() == block[: block.index(b"\r\n\r\n") + 4]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (record("response", "https://a.test/", http(b"", status="404 Gone")), "HTTP status 404"),
        (record("response", "https://a.test/", http(b"x", mime="image/png")), "media type image/png is not wanted"),
        (record("resource", "dns:a.test", b"x", Content_Type="text/plain"), "its target is no http or https URL"),
        (record("response", "https://a.test/", b"nothing"), "a response without the header of an HTTP answer"),
        (record("revisit", "https://a.test/", http(b"")), "a revisit of a record that this source does not have"),
        (record("response", "https://a.test/", http(PAGE), WARC_Payload_Digest=sha1(b"")), "its payload is not"),
        (record("response", "https://a.test/", http(b"x" * 3000)), "longer than the limit"),
        (
            record("response", "https://a.test/", http(gzip.compress(b"x" * 9000), "Content-Encoding: gzip")),
            "too large",
        ),
        (record("response", "https://a.test/", http(PAGE)).replace(b"some", b"SOME"), "its block is not"),
        (record("response", "https://a.test/", http(PAGE))[:-30], "broken off"),
    ],
)
def test_what_is_no_document_is_quarantined_with_the_reason(project: Path, content: bytes, error: str) -> None:
    """One row, named by file and offset."""
    captures, quarantine = read(content, limit=2000)
    assert not captures and [row["uri"] for row in quarantine] == ["file:0.warc#0"]
    assert error in quarantine[0]["error"]


def test_the_latest_version_stands_in_whatever_file(project: Path) -> None:
    """Older versions are rows of the quarantine, so that rows in are kept and quarantined."""
    new, old = (record("response", "https://a.test/", http(body), day) for body, day in ((b"new", 3), (b"old", 2)))
    for files in ([new, old], [old, new], [old + new], [new + old]):
        captures, quarantine = read(*files)
        assert captures["https://a.test/"]["body"] == b"new"
        assert [row["error"] for row in quarantine] == ["an older version; a later one stands"]


@pytest.mark.parametrize("refers", ["WARC_Payload_Digest", "WARC_Refers_To_Date"])
def test_a_revisit_stands_for_what_it_refers_to(project: Path, refers: str) -> None:
    """By digest, also of another URL, or by address and date (as after a 304)."""
    first = record("response", "https://a.test/", http(PAGE), 1, WARC_Payload_Digest=sha1(PAGE))
    more = {"WARC_Payload_Digest": sha1(PAGE), "WARC_Refers_To_Date": DAY.format(1)}
    again = record("revisit", "https://a.test/", http(b"", status="304 Not Modified"), 2, **{refers: more[refers]})
    captures, quarantine = read(compressed(first, "gz") + compressed(again, "gz"))
    assert captures["https://a.test/"]["body"] == PAGE and len(quarantine) == 1


GZ, ZST = ([compressed(one, form) for one in R] for form in ("gz", "zst"))


@pytest.mark.parametrize(
    ("content", "read_whole"),
    [
        (GZ[0] + GZ[1] + GZ[2][:-30], 2),
        (GZ[0] + GZ[1] + GZ[2][:20], 2),
        (GZ[0] + GZ[1] + GZ[2][:5], 2),
        (GZ[0] + GZ[1][:60] + b"\x00\xff" * 9 + GZ[1][78:] + GZ[2], 1),
        (GZ[0] + b"garbage", 1),
        (R[0] + b"garbage\n" * 3 + R[1], 1),
        (R[0] + R[1][:100], 1),
        (ZST[0] + ZST[1][:-9], 1),
        (b"<html>this is no archive</html>\n\n", 0),
    ],
)
def test_what_came_before_a_break_stands(project: Path, content: bytes, read_whole: int) -> None:
    """The rest is one row of the quarantine, never an exception, and never silence."""
    captures, quarantine = read(content)
    assert len(captures) == read_whole and len(quarantine) == 1


@pytest.mark.parametrize("content", [b"".join(R), b"".join(GZ), b"".join(ZST)])
def test_records_are_those_that_warcio_counts(project: Path, content: bytes) -> None:
    """Plain, gzip and zstd give the same records, those of the reference reader."""
    Path("a.warc").write_bytes(content)
    found = [one for one in records(Path("a.warc"), quirks=False, limit=1 << 20) if isinstance(one, Record)]
    if content[:4] != b"\x28\xb5\x2f\xfd":  # warcio does not read zstd
        assert len(found) == sum(1 for _ in ArchiveIterator(io.BytesIO(content)))
    assert [one.block for one in found] == [http(PAGE + b"%d" % number) for number in range(3)]


def test_records_about_records_are_no_rows_but_counted(project: Path) -> None:
    """warcinfo, request and metadata are neither captures nor quarantined; the account has every record."""
    kinds = ("warcinfo", "request", "metadata")
    content = b"".join(record(kind, "https://a.test/", b"x") for kind in kinds) + R[0] + R[1][:100]
    captures, quarantine = read(content)
    assert len(captures) == len(quarantine) == 1
    account = accounts(WarcSource(name="web", licence="MIT", path="0.warc"), [Path("0.warc")])
    assert account["type"].to_pylist()[:4] == [*kinds, "response"] and account["type"].to_pylist()[-1] == "end"


def dictionary(packed: bool) -> tuple[bytes, list[bytes]]:
    """The frame of a dictionary, and the records of R compressed with it."""
    trained = zstd.train_dict([one + b"%d" % number for number in range(300) for one in R], 4096)
    content = zstd.compress(trained.dict_content) if packed else trained.dict_content
    return frame(content), [zstd.compress(one, zstd_dict=trained) for one in R]


def frame(content: bytes) -> bytes:
    """A frame that holds a dictionary."""
    return b"\x5d\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


@pytest.mark.parametrize("packed", [False, True])
def test_a_dictionary_stands_in_the_first_frame(project: Path, packed: bool) -> None:
    """Every record is read, from the start of the file and from its own offset."""
    start, frames = dictionary(packed)
    captures, quarantine = read(start + b"".join(frames))
    assert len(captures) == 3 and not quarantine
    offset = len(start) + len(frames[0])
    found = next(records(Path("0.warc"), quirks=False, limit=1 << 20, start=offset))
    assert isinstance(found, Record) and found.block == http(PAGE + b"1")


@pytest.mark.parametrize(
    "content",
    [zstd.compress(bytes(MAX_DICTIONARY + 1)), b"\x28\xb5\x2f\xfd nothing", b"x" * (MAX_DICTIONARY + 1)],
    ids=["bomb", "broken", "large"],
)
def test_a_dictionary_is_bounded(project: Path, content: bytes) -> None:
    """Packed or not, it is refused before it is used."""
    Path("0.warc").write_bytes(frame(content) + dictionary(False)[1][0])
    found = list(records(Path("0.warc"), quirks=False, limit=1 << 20))
    assert len(found) == 1 and isinstance(found[0], Ending) and "dictionary" in found[0].reason


def test_a_revisit_may_refer_to_another_file(project: Path) -> None:
    """Also to one that is read later; what a later one replaces is an older version, in whatever file."""
    first = record("response", "https://a.test/", http(PAGE), 1, WARC_Payload_Digest=sha1(PAGE))
    again = record("revisit", "https://b.test/", http(b""), 2, WARC_Payload_Digest=sha1(PAGE))
    newer = record("response", "https://b.test/", http(b"new"), 3)
    lost = record("revisit", "https://a.test/", http(b""), 4, WARC_Payload_Digest=sha1(b"lost"))
    captures, quarantine = read(again + lost, first)
    assert {uri: row["body"] for uri, row in captures.items()} == {"https://a.test/": PAGE, "https://b.test/": PAGE}
    assert ["does not have" in row["error"] for row in quarantine] == [True]
    captures, quarantine = read(again, newer, first)
    assert captures["https://b.test/"]["body"] == b"new" and [row["uri"] for row in quarantine] == ["file:0.warc#0"]


def test_text_and_resources(project: Path) -> None:
    """WET records are plain text; a resource has the type of its record, and no status."""
    text = record("conversion", "https://a.test/t", b"words", Content_Type="text/plain")
    page = record("resource", "https://a.test/r", PAGE, Content_Type="text/html")
    captures, _ = read(gzip.compress(text) + gzip.compress(page))
    assert [(row["mime"], row["body"], row["status"]) for row in captures.values()] == [
        ("text/plain", b"words", None),
        ("text/html", PAGE, None),
    ]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_arc(project: Path, pack: Any) -> None:
    """The format before WARC; what breaks off is quarantined."""
    block = http(PAGE)
    lines = b"filedesc://a.arc 0.0.0.0 20080430204825 text/plain 4\n1 0\n\n"
    lines += b"http://a.test/ 1.2.3.4 20080430204826 text/html %d\n" % len(block) + block + b"\n"
    captures, quarantine = read(pack(lines))
    assert captures["http://a.test/"]["body"] == PAGE and not quarantine
    assert json.loads(captures["http://a.test/"]["meta"])["warc_date"] == "2008-04-30T20:48:26Z"
    assert [len(part) for part in read(pack(lines + b"nonsense\n"))] == [1, 1]


@pytest.mark.parametrize(
    ("sent", "body"), [(b"0\r\n\r\n", b""), (b"3;x=1\r\nabc\r\n0\r\n", b"abc"), (b"9\r\nabc", None)]
)
def test_chunks(sent: bytes, body: bytes | None) -> None:
    """Chunks that do not add up are no chunks."""
    assert unchunked(sent) == body
