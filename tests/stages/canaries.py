"""Secrets to be looked for: in the environment, in URLs and in queries; a reply that repeats them, and the search."""

from __future__ import annotations

import gzip
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from aiohttp import web

CANARY = "canary7+of/env=8d1f3a"  # characters that a URL and base64 write differently
IN_URL, IN_QUERY = "canary-of-userinfo-55d2", "canary-of-query-91b7"
SPELLINGS = re.compile(rb"canary7|canary-of|Y2FuYXJ5|NhbmFyeT|jYW5hcn", re.I)  # plain, and in base64


def echo(request: web.Request) -> web.Response:
    """Repeats the credential wherever a header can."""
    headers = {
        "X-Echo": CANARY,
        "ETag": f'"{CANARY}"',
        "Last-Modified": CANARY,
        "Link": f"</?token={CANARY}>; rel=next",
    }
    headers |= {"Location": f"http://u:{IN_URL}@127.0.0.1:{request.url.port}/end?echo={CANARY}&access_token={IN_QUERY}"}
    response = web.Response(status=302, headers=headers)
    response.set_cookie("session", CANARY)
    return response


def everything(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder: its name and bytes, and what Parquet, gzip and SQLite keep packed."""
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = path.read_bytes()
        yield str(path.relative_to(root)), str(path).encode() + data
        if path.suffix == ".parquet":
            yield f"{path.name} rows", repr(pq.read_table(path).to_pylist()).encode()
            yield f"{path.name} metadata", repr(pq.read_metadata(path).metadata).encode()
        elif data[:2] == b"\x1f\x8b":
            yield f"{path.name} unpacked", gzip.decompress(data)
        elif data[:15] == b"SQLite format 3":
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                yield f"{path.name} rows", "\n".join(database.iterdump()).encode()
