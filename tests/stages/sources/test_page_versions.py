"""The versions of a page: which there were since when, and the lines that changed."""

from __future__ import annotations

from pathlib import Path

from stages.sources.captures import Located, Origin, capture_tables
from stages.sources.log import CrawlLog, fetch_row
from stages.sources.page_versions import SHOWN, Version, report, versions
from stages.sources.rows import Row, sha256_hex

URI = "http://a.test/page"
FIRST, SECOND = b"same\nold\n", b"same\nnew\n"


def test_what_changed_is_shown_line_by_line(tmp_path: Path) -> None:
    """Unchanged fetches are no versions; a body that is stored at another address is found."""
    located = [
        Located(URI, Row(body=FIRST, key=None), 200),
        Located("http://a.test/b", Row(body=SECOND, key=None), 200),
    ]
    pages = [table for name, _, table in capture_tables(located, Origin(source="s", licence="x")) if name == "captures"]
    steps = ((1, "captured", FIRST), (2, "unchanged", FIRST), (3, "captured", SECOND), (4, "failed:status 500", b""))
    rows = [
        fetch_row(
            URI, source="s", crawl="c", outcome=outcome, fetched_at=f"2024-05-0{day}", body_digest=sha256_hex(body)
        )
        for day, outcome, body in steps
    ]
    log = CrawlLog(tmp_path)
    log.append(rows, pages)
    found = versions(log, URI)
    assert [(one.since[-2:], one.text) for one in found] == [("01", FIRST.decode()), ("03", SECOND.decode())]
    assert list(report(found))[2:] == ["--- 2024-05-01", "+++ 2024-05-03", "@@ -1,2 +1,2 @@", " same", "-old", "+new"]
    assert versions(log, "http://a.test/none") == [] and len(list(report(found[:1]))) == 1


def test_a_long_difference_is_cut() -> None:
    """With the number of lines left out."""
    one, two = (Version(since, since, "".join(f"{since} {number}\n" for number in range(300))) for since in "ab")
    lines = list(report([one, two]))
    assert len(lines) == 2 + SHOWN + 1 and lines[-1] == f"{600 + 3 - SHOWN} more lines"
