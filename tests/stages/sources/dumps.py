"""Small files of every format that a source may have, for tests."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from backports import zstd

from stages.sources.settings.reading import Columns, Reading

TEXTS = ["one", "zwei \u4e8c", "three <b>", ""]
RECORDS = [{"id": str(n), "data": {"body": text}, "title": f"t{n}"} for n, text in enumerate(TEXTS)]
NESTED = Columns(text="data.body", id="id", title="title")

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress,
}  # fmt: skip


def parquet() -> bytes:
    """The records as Parquet."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(RECORDS), out)
    return out.getvalue()


def arrow(stream: bool) -> bytes:
    """The records as an Arrow stream or file."""
    out, table = io.BytesIO(), pa.Table.from_pylist(RECORDS)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


POSTS = b"""\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>
<posts>
  <row Id="1" PostTypeId="1" Body="&lt;p&gt;How?&lt;/p&gt;" Title="A &amp; B" Tags="&lt;c&gt;" Score="7"
    OwnerUserId="9" CreationDate="2020-01-02T03:04:05.678" ContentLicense="CC BY-SA 4.0" />
  <row Id="2" PostTypeId="2" ParentId="1" Body="&lt;p&gt;So.&lt;/p&gt;" OwnerDisplayName="Ann" Score="0" />
  <row Id="3" PostTypeId="5" Body="" />
  <row Body="x" />
</posts>"""
COMMENTS = b'<comments><row Id="5" PostId="1" Text="plain &lt; text" UserId="3" /></comments>'

WIKI = b"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo><sitename>W</sitename><namespaces><namespace key="0" case="first-letter" /></namespaces></siteinfo>
  <page><title>Old &amp; new</title><ns>0</ns><id>10</id>
    <revision><id>100</id><timestamp>2001-01-01T00:00:00Z</timestamp><contributor><ip>1.2.3.4</ip></contributor>
      <model>wikitext</model><format>text/x-wiki</format><text bytes="3" xml:space="preserve">old</text></revision>
    <revision><id>101</id><timestamp>2002-01-01T00:00:00Z</timestamp>
      <contributor><username>Bob</username><id>4</id></contributor>
      <model>wikitext</model><format>text/x-wiki</format>
      <text bytes="9" xml:space="preserve">'''New''' [[page|text]]\n* a &lt;ref&gt;r&lt;/ref&gt;</text></revision>
  </page>
  <page><title>Elsewhere</title><ns>0</ns><id>11</id><redirect title="Old &amp; new" />
    <revision><id>102</id><timestamp>2002-01-01T00:00:00Z</timestamp><text>#REDIRECT [[Old]]</text></revision></page>
  <page><title>Talk:Old</title><ns>1</ns><id>12</id>
    <revision><id>103</id><timestamp>2002-01-01T00:00:00Z</timestamp><text>hi</text></revision></page>
  <page><title>Gone</title><ns>0</ns><id>13</id>
    <revision><id>104</id><timestamp>2002-01-01T00:00:00Z</timestamp><text deleted="deleted" /></revision></page>
</mediawiki>"""

MAILS = b"""From a@example.org Thu Jan  2 03:04:05 2020
From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>
Subject: =?utf-8?b?w6Q=?= b
Date: Thu, 02 Jan 2020 03:04:05 +0100
Message-ID: <1@example.org>
Content-Type: multipart/alternative; boundary=x

--x
Content-Type: text/html; charset=utf-8

<p>html</p>
--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9
--x--

From b@example.org Thu Jan  2 03:04:05 2020
Content-Type: text/html

<p>only</p>

From c@example.org Thu Jan  2 03:04:05 2020
Content-Type: text/plain; charset=utf-8

\xff\xfe

From d@example.org Thu Jan  2 03:04:05 2020
Content-Type: application/pdf
Content-Transfer-Encoding: base64

AAAA
"""

LINES = "\n".join(json.dumps(one) for one in RECORDS).encode()
FILES: dict[str, tuple[str, bytes, Reading]] = {
    "jsonl": ("a.jsonl", LINES, Reading(columns=NESTED)),
    "json": ("a.json", json.dumps(RECORDS, indent=1).encode(), Reading(columns=NESTED)),
    "csv": ("a.csv", b"id,text\n1,one\n2,two\n", Reading(columns=Columns(text="text", id="id"))),
    "parquet": ("a.parquet", parquet(), Reading(columns=NESTED)),
    "arrow": ("a.arrow", arrow(False), Reading(columns=NESTED)),
    "arrows": ("a.arrows", arrow(True), Reading(columns=NESTED)),
    "stackexchange": ("Posts.xml", POSTS, Reading(format="stackexchange")),
    "mediawiki": ("w.xml", WIKI, Reading(format="mediawiki")),
    "mbox": ("a.mbox", MAILS, Reading()),
}
"""Format -> (path, bytes, how to read them)."""
ARROW_LIKE = ("jsonl", "json", "parquet", "arrow", "arrows")  # formats whose rows nest
