"""Data sets of the hub: listed by its HTTP interface, pinned by commit and digest, read file by file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.errors import SourceError
from stages.sources.hub import hub_files
from stages.sources.log import CrawlLog
from stages.sources.parse import parse_sources
from stages.sources.settings.site import utc_now
from tests.stages.test_crawl import json_rows, rows, run, stale

OLD, NEW = "a" * 40, "b" * 40
SOURCE = {
    "name": "set", "kind": "archive", "licence": "MIT", "url": "hf://datasets/o/n/data/*.parquet",
    "members": [{"match": "**", "columns": {"text": "t", "id": "i"}}],
}  # fmt: skip


def parquet(*texts: str) -> bytes:
    """A table of texts."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"t": list(texts), "i": [str(number) for number in range(len(texts))]}), sink)
    return sink.getvalue()


class Hub:
    """What a hub has: commits, each with its files; `branches` name them. Two files stand on a page of a listing."""

    def __init__(self) -> None:
        first = {
            "data/a.parquet": parquet("one", "two"),
            "data/b.parquet": parquet("three"),
            "data/deep/c.parquet": b"",
        }
        self.commits: dict[str, dict[str, bytes]] = {OLD: first | {"README.md": b"# n", "data/d.jsonl": b'{"t": 1}'}}
        self.branches = {"main": OLD}
        self.plain: set[str] = set()  # files that are no LFS objects
        self.asked: list[str] = []
        self.gate: str | None = None  # the Authorization without which it gives nothing
        self.elsewhere: str | None = None  # the host that has the files
        self.given: list[tuple[str, str | None]] = []  # (Host, Authorization) of the requests

    def answer(self, home: str, path: str, given: str | None) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body)."""
        self.asked.append(path)
        self.given.append((urlsplit(home).hostname or "", given))
        if self.elsewhere and "/resolve/" in path and self.elsewhere not in home:
            return 302, {"Location": f"http://{self.elsewhere}{path}"}, b""
        if self.gate and given != self.gate and not (self.elsewhere and self.elsewhere in home):
            return 401, {}, b""
        place = urlsplit(path)
        parts = unquote(place.path).strip("/").split("/")
        if parts[:4] == ["api", "datasets", "o", "n"] and parts[4] == "revision":
            commit = self.branches.get(parts[5], parts[5])
            return (200, {}, json.dumps({"sha": commit}).encode()) if commit in self.commits else (404, {}, b"")
        if parts[:4] == ["api", "datasets", "o", "n"] and parts[4] == "tree":
            return self._tree(home, place, parts[5], "/".join(parts[6:]))
        if parts[:4] == ["datasets", "o", "n", "resolve"]:
            body = self.commits[parts[4]].get("/".join(parts[5:]))
            return (404, {}, b"") if body is None else (200, {}, body)
        return 404, {}, b""

    def _tree(self, home: str, place: Any, commit: str, folder: str) -> tuple[int, dict[str, str], bytes]:
        files = sorted(path for path in self.commits[commit] if path.startswith(f"{folder}/" if folder else ""))
        start = int(parse_qs(place.query).get("cursor", ["0"])[0])
        page = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": folder or "data"}]
        for path in files[start : start + 2]:
            body = self.commits[commit][path]
            lfs = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 130}
            more = {} if path in self.plain else {"lfs": lfs}
            page.append({"type": "file", "oid": "0" * 40, "size": len(body), "path": path} | more)
        following = f'<{home}{place.path}?recursive=true&cursor={start + 2}>; rel="next"'
        return 200, {"Link": following} if files[start + 2 :] else {}, json.dumps(page).encode()


@pytest.fixture
def hub(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub at HF_ENDPOINT."""
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = found.answer(
                f"http://{self.headers['Host']}", self.path, self.headers["Authorization"]
            )
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield found
        server.shutdown()


@pytest.mark.parametrize(
    ("glob", "paths"),
    [
        ("data/*.parquet", ["data/a.parquet", "data/b.parquet"]),
        ("**/*.parquet", ["data/a.parquet", "data/b.parquet", "data/deep/c.parquet"]),
        ("data/d.jsonl", ["data/d.jsonl"]),
        ("**", ["README.md", "data/a.parquet", "data/b.parquet", "data/d.jsonl", "data/deep/c.parquet"]),
    ],
)
def test_a_glob_names_files_of_one_commit(hub: Hub, glob: str, paths: list[str]) -> None:
    """All pages of the listing are read; `*` stays in a folder."""
    found = list(hub_files(f"hf://datasets/o/n/{glob}"))
    assert [one.uri.removeprefix("hf://datasets/o/n/") for one in found] == paths
    assert all(one.url == one.uri.replace("o/n/", f"o/n@{OLD}/") for one in found)


def test_files_are_had_once_and_read_one_by_one(hub: Hub) -> None:
    """The commit is in the log; a later one is seen when the source is asked again, and only what changed is read."""
    hub.plain.add("data/b.parquet")
    run([SOURCE])
    base = "hf://datasets/o/n/data/"
    uris = [f"{base}a.parquet/a.parquet#0", f"{base}a.parquet/a.parquet#1", f"{base}b.parquet/b.parquet#0"]
    assert sorted(row["uri"] for row in json_rows("captures")) == uris
    commits = {row["location"] for row in CrawlLog().fetches("set") if row["body_digest"]}
    assert commits == {f"hf://datasets/o/n@{OLD}/data/{name}.parquet" for name in "ab"}
    asked, before = len(hub.asked), utc_now()
    assert stale(run([SOURCE])) == [] and len(hub.asked) == asked
    hub.commits[NEW] = hub.commits[OLD] | {"data/b.parquet": parquet("changed")}
    hub.branches["main"] = NEW
    run([SOURCE], "--refetch", "set")
    assert [name.split(":")[1] for name in stale(run([SOURCE]))] == ["b.parquet"]
    assert sorted(row["uri"] for row in json_rows("captures")) == uris, "the same rows are the same documents"
    assert b"changed" in {row["body"] for row in json_rows("captures")}
    run([SOURCE], as_of=before)
    assert b"three" in {row["body"] for row in json_rows("captures")}, "as of a time before"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("hf://datasets/o/n/none/*.parquet", "none of the 0 files"),
        ("hf://datasets/o/n@v2/data/*.parquet", "404"),
        ("hf://datasets/o/other/x.parquet", "404"),
    ],
)
def test_what_is_not_there_is_named(hub: Hub, url: str, problem: str) -> None:
    """Nothing is written."""
    with pytest.raises(SourceError, match=problem):
        run([SOURCE | {"url": url}])
    assert CrawlLog().fetches("set") == []


AUTH = {"header": "Authorization", "prefix": "Bearer ", "env": "HUB_TOKEN"}


def test_a_gated_data_set_needs_a_token_that_the_hub_alone_sees(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the error says what to do; the host to which the hub leads for the bytes gets none."""
    hub.gate = "Bearer canary-of-the-hub"
    hub.plain.add("data/a.parquet")
    with pytest.raises(SourceError, match=r"o/n/data.*status 401.*gated.*export HF_TOKEN=.*then `dvc repro crawl`"):
        run([SOURCE])
    with pytest.raises(SourceError, match=r"HUB_TOKEN is not set; `export HUB_TOKEN="):
        run([SOURCE | {"auth": AUTH}])
    monkeypatch.setenv("HUB_TOKEN", "canary-of-the-hub")
    hub.elsewhere = f"localhost:{urlsplit(os.environ['HF_ENDPOINT']).port}"
    run([SOURCE | {"auth": AUTH}])
    assert rows("captures").num_rows == 3
    tokens = {host: {token for at, token in hub.given[2:] if at == host} for host in ("127.0.0.1", "localhost")}
    assert tokens == {"127.0.0.1": {hub.gate}, "localhost": {None}}
    written = [path for path in Path().rglob("*") if path.is_file() and b"canary" in path.read_bytes()]
    assert written == []


def test_a_token_is_for_what_is_downloaded() -> None:
    """And travels as a header."""
    for change in ({"auth": {"query": "k", "env": "X"}}, {"url": None, "path": "a.zip", "auth": AUTH}):
        with pytest.raises(ValueError, match="`auth` is for an http, https or hf `url`, and needs `header`"):
            parse_sources([SOURCE | change])


def test_a_listing_stays_on_its_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A next page elsewhere is not asked for; an answer that is no listing is refused."""
    monkeypatch.setattr(Hub, "_tree", lambda *_: (200, {"Link": '<http://other.test/x>; rel="next"'}, b"[]"))
    with pytest.raises(SourceError, match="another host"):
        list(hub_files("hf://datasets/o/n/*"))
    monkeypatch.setattr(Hub, "_tree", lambda *_: (200, {}, b'{"error": "no"}'))
    with pytest.raises(SourceError, match="no list of files"):
        list(hub_files("hf://datasets/o/n/*"))


def test_a_revision_is_no_place_for_a_glob() -> None:
    """Nor is a site served from files that are not pinned."""
    for url in ("hf://datasets/o/n@*/x", "hf://datasets/o", "hf://models/o/n/x"):
        with pytest.raises(ValueError, match="must be hf://datasets/OWNER/NAME@REVISION/GLOB"):
            parse_sources([SOURCE | {"url": url}])
