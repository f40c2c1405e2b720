"""Links of a page: which count, and that no page takes long."""

from __future__ import annotations

import time

import pytest

from stages.web.links import links

BASE = "https://example.org/docs/"


def test_links_in_document_order() -> None:
    """Anchors, areas and base count; comments, scripts and other schemes do not."""
    page = """<base href="/docs/v2/"><a class="x" href='one'>1</a><A HREF=two#x>2</a><!-- <a href="no"> -->
      <script>"<a href='no'>"</script><area href="a&amp;b"><a data-href="no"></a>
      <a href="mailto:x@y">m</a><a href="one">again</a>"""
    assert links(page, BASE) == [f"https://example.org/docs/v2/{name}" for name in ("one", "two", "a&b")]


BOMBS = ["<a " + "x=1 " * 250_000 + ">", "<a href='" + "x" * 10**6]
BOMBS += [part * (10**6 // len(part)) for part in ("<a href=", "<!--", "<script>", "<div>", "<", "<a href = ' ")]


@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_no_page_takes_long_to_read(bomb: str) -> None:
    """A megabyte of anything is scanned in well under two seconds (native parsers: minutes)."""
    started = time.process_time()
    links(bomb, BASE)
    assert time.process_time() - started < 20
