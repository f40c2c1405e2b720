"""What counts as passed in the suites of others: small tables in their formats, written for this project."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.support.conformance import Case, encoding_cases, record_counts, robots_cases, url_cases, warcio_counts

BASE = "http://a.test/b/"


def missed(cases: list[Case]) -> list[tuple[object, object]]:
    """(expected, got) of the cases that are missed."""
    return [(wanted, got) for _, wanted, got in cases if wanted != got]


def test_urls_are_compared_without_what_no_page_has() -> None:
    """Fragment and password; other schemes and failures are passed by a refusal."""
    suite = [
        "a remark", {"input": "c#d", "base": BASE, "href": f"{BASE}c#d"},
        {"input": "http://me:word@x/", "base": "about:blank", "href": "http://me:word@x/"},
        {"input": "ftp://x/", "base": BASE, "href": "ftp://x/"},
        {"input": "http://x:y/", "base": BASE, "failure": True},
        {"input": "d", "base": BASE, "href": f"{BASE}e"},
    ]  # fmt: skip
    cases = list(url_cases(suite))
    assert len(cases) == 5 and missed(cases) == [(f"{BASE}e", f"{BASE}d")]


def test_encodings_are_compared_by_their_names() -> None:
    """A label stands for the encoding it means; a page without any is read as windows-1252."""
    blocks = (
        (b"<meta charset=latin2>", b"iso-8859-2"),
        (b"x", b"Windows-1252"),
        (b"\xef\xbb\xbf", b"UTF8"),
        (b"y", b"gbk"),
    )
    cases = list(
        encoding_cases(b"".join(b"#data\n" + page + b"\n#encoding\n" + name + b"\n\n" for page, name in blocks))
    )
    assert len(cases) == 4 and missed(cases) == [("gbk", "cp1252")]


def test_tables_are_read_out_of_a_module_that_is_not_run() -> None:
    """Names stand for what was assigned before; rows of another shape are none."""
    module = "import os\nrobots = 'user-agent: *\\ndisallow: /x'\nother = (['a', 1],)\n"
    module += (
        "data = (['', FOOBOT_AGENT, 'http://a/', ALLOWED], [robots, 'a', 'http://a/x', ALLOWED])\nraise SystemExit\n"
    )
    cases = list(robots_cases(module))
    assert len(cases) == 2 and missed(cases) == [(True, False)]
    with pytest.raises(ValueError, match="malformed"):
        list(robots_cases("data = os.listdir()"))


def test_records_are_counted_by_type(tmp_path: Path) -> None:
    """Where warcio reads a file at all; the header of an ARC file counts as warcinfo."""
    fields = b"1 0 x\nURL IP-address Archive-date Content-type Archive-length\n\n"
    arc = b"filedesc://a 0.0.0.0 20240101000000 text/plain %d\n%s" % (len(fields) - 1, fields)
    arc += b"http://a/ 0.0.0.0 20240101000000 text/html 19\n"
    path = tmp_path / "a.arc"
    path.write_bytes(arc + b"HTTP/1.1 200 OK\r\n\r\n\n")
    assert record_counts(path) == warcio_counts(path) == {"response": 1, "warcinfo": 1}
    path.write_bytes(b"no archive")
    assert warcio_counts(path) is None
