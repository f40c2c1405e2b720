"""Small files of every format that a reader is given, written for these tests; they are whole, and get damaged."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from backports import zstd

from tests.stages.documents import files
from tests.stages.prose import ENGLISH
from tests.stages.sources.test_warc import http, record


def _tar(packed: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{packed}") as made:  # type: ignore[call-overload]
        for name, content in MEMBERS.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


MEMBERS: dict[str, bytes] = {"a/one.txt": b"One\n", "two.jsonl": b'{"id": 1, "text": "two"}\n{"id": 2, "text": "x"}\n'}
PACKED: dict[str, tuple[tuple[str, ...], bytes]] = {
    "a.zip": (("in.zip!**", "*.jsonl", "a/*"), files.zipped(MEMBERS | {"in.zip": files.zipped(MEMBERS)})),
    "a.tar": (("**",), _tar("")),
    "a.tar.gz": (("**",), _tar("gz")),
    "two.jsonl.zst": (("**",), zstd.compress(MEMBERS["two.jsonl"] * 50)),
    "two.jsonl.gz": (("**",), gzip.compress(MEMBERS["two.jsonl"] * 50)),
}
"""Name -> the globs of members that are read, and the archive."""

PAGE = f"""<!doctype html><html lang='en'><head><meta charset='utf-8'><title>The mill</title>
<script type="application/ld+json">{{"@type":"Article","headline":"The mill","author":{{"name":"Ann"}}}}</script>
<meta property='og:title' content='The mill'><link rel=canonical href='https://a.test/x'></head>
<body><nav><a href='/'>Home</a></nav><main><article><h1>The mill</h1><p>{ENGLISH}</p>
<table><tr><td>a<td>b</table><ul><li>x</ul><pre>y</pre>&amp;&eacute;&#x4e8c;<!-- no --></article></main></body></html>
""".encode()
MARKDOWN = b"""---
title: The mill
---
# The mill

One *two* [three](http://a.test).

| a | b |
|---|---|
| 1 | 2 |

```
code
```
"""
WIKITEXT = b"""'''The mill''' is [[a mill|one]] {{cite|a={{b}}}} <ref>x</ref>
== Grain ==
* one
{| class=a
| b || c
|}
<nowiki>[[d]]</nowiki>
"""
MAIN = b"""<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>
<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>The mill</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">One </w:t><w:br/><w:t>two</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"""
PACKAGE = b"""<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The mill</dc:title></metadata><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/>
</manifest><spine><itemref idref="c"/></spine></package>"""
BOOK: dict[str, str | bytes] = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
    "c.xhtml": "<html><body><h1>The mill</h1><p>One</p></body></html>",
}
WARCS = [
    b"".join([record("warcinfo", "x", b"a: b"), record("response", "https://a.test/", http(PAGE[:500]))]),
    record("resource", "https://a.test/", b"<p>one</p>", Content_Type="text/html")
    + record("revisit", "https://a.test/2", http(b""), 2, WARC_Refers_To_Target_URI="https://a.test/"),
    b"filedesc://a 0.0.0.0 20240101000000 text/plain 9\n1 0 x\nURL\n\nhttp://a/ 0.0.0.0 20240101000000 text/html 25\n"
    b"HTTP/1.1 200 OK\r\n\r\n<p>one\n\n",
]
ASKED = {"document": "d", "text_digest": "t", "guideline": "g", "text": "a good day", "annotator": "ann"}
SPAN = {"start": 2, "end": 6, "text": "good", "labels": ["good"]}
STUDIO = [
    {
        "id": 1, "data": ASKED,
        "annotations": [
            {
                "id": 2, "completed_by": {"id": 3}, "was_cancelled": False, "updated_at": "2026-01-01T00:00:00Z",
                "result": [
                    {"id": "s1", "from_name": "label", "type": "labels", "value": SPAN},
                    {"from_name": "label", "type": "choices", "value": {"choices": ["good"]}},
                    {"type": "relation", "from_id": "s1", "to_id": "s1", "direction": "bi", "labels": ["of"]},
                ],
            }
        ],
    }
]  # fmt: skip
FLAT = [ASKED | {"annotation_id": 4, "label": "good", "updated_at": "2026-01-01"}, ASKED | {"label": [SPAN]}]
DOCCANO = [
    ASKED | {"label": ["good"]}, ASKED | {"label": [[2, 6, "good"]]},
    ASKED | {
        "entities": [{"id": 1, "start_offset": 2, "end_offset": 6, "label": "good"}],
        "relations": [{"from_id": 1, "to_id": 1, "type": "of"}],
    },
]  # fmt: skip
SHEET = """document,text_digest,guideline,text,label,status,annotator
d,t,g,"a ""good""
day",good,,ann
d,t,g,a,"[""bad""]",skipped,ann
"""
PARAMS = (Path(__file__).parents[2] / "params.yaml").read_bytes()
