"""Web archives as a source of the stage: an action per file, and files that a list names."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from catalog.errors import SourceError
from catalog.layout import TRACES
from stages.sources.log import CrawlLog
from stages.sources.parse import parse_sources
from tests.stages.sources.test_warc import PAGE, http, record, sha1
from tests.stages.test_crawl import json_rows, run

WEB = {"name": "web", "kind": "warc", "licence": "MIT", "path": "inbox"}
DIGEST = sha1(PAGE)
FILES = {
    "a.warc": record("response", "https://a.test/", http(PAGE), 1, WARC_Payload_Digest=DIGEST),
    "b.warc": record("revisit", "https://b.test/", http(b""), 2, WARC_Payload_Digest=DIGEST),
    "c.warc": record("response", "https://c.test/", http(b"c"), 1),
}


@pytest.fixture
def inbox(project: Path) -> Path:
    """A folder of web archives."""
    (project / "inbox").mkdir()
    for name, content in FILES.items():
        (project / "inbox" / name).write_bytes(content)
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"crawl": {"cmd": "x", "deps": ["inbox"]}}}))
    return project / "inbox"


def computed() -> list[str]:
    """Operator and file of every action that the last run computed."""
    lines = map(json.loads, (TRACES / "crawl.jsonl").read_text().splitlines())
    return sorted(f"{one['operator']} {one['action'][-6:]}" for one in lines if one["verdict"] == "stale")


def uris() -> list[str]:
    """The addresses of all captures."""
    return sorted(row["uri"] for row in json_rows("captures"))


def test_a_file_that_comes_is_read_alone(inbox: Path) -> None:
    """Of the others those alone in which another record stands now, or whose revisit refers to what changed."""
    run([WEB])
    assert len(computed()) == 6 and uris() == ["https://a.test/", "https://b.test/", "https://c.test/"]
    (inbox / "d.warc").write_bytes(record("response", "https://d.test/", http(b"d"), 1))
    run([WEB])
    assert computed() == ["crawl.warc d.warc", "crawl.warc_index d.warc"]
    (inbox / "e.warc").write_bytes(record("response", "https://c.test/", http(b"newer"), 2))
    run([WEB])
    assert computed() == ["crawl.warc c.warc", "crawl.warc e.warc", "crawl.warc_index e.warc"]
    (inbox / "a.warc").write_bytes(FILES["a.warc"] + record("warcinfo", "", b"x"))
    run([WEB])
    assert computed() == ["crawl.warc a.warc", "crawl.warc b.warc", "crawl.warc_index a.warc"]
    (inbox / "e.warc").unlink()
    run([WEB])
    assert computed() == [] and len(uris()) == 4, "what stood before is found again"
    types = [row["type"] for row in json_rows("warc_records")]
    assert sorted(types) == ["response", "response", "response", "revisit", "warcinfo"]


def test_forgetting_reads_the_file_that_holds_it(inbox: Path) -> None:
    """The account names no address, so it stands."""
    from catalog.erasure.forget import forget

    run([WEB])
    forget(["https://c.test/"], "asked for")
    run([WEB])
    assert computed() == ["crawl.warc c.warc"] and uris() == ["https://a.test/", "https://b.test/"]
    forget([], "asked for", hosts=["b.test"])
    run([WEB])
    assert uris() == ["https://a.test/"]
    (inbox / "e.warc").write_bytes(record("response", "https://www.b.test/new", http(b"n"), 2))
    run([WEB])
    assert computed() == ["crawl.warc e.warc", "crawl.warc_index e.warc"] and uris() == ["https://a.test/"]


def test_a_list_names_files_of_the_repository(inbox: Path) -> None:
    """As Common Crawl publishes it, the first lines alone."""
    (inbox / "warc.paths.gz").write_bytes(gzip.compress(b"c.warc\na.warc\nb.warc\n"))
    source = {key: value for key, value in WEB.items() if key != "path"} | {"paths": "inbox/warc.paths.gz"}
    run([source | {"base": "inbox/", "first": 2}])
    assert uris() == ["https://a.test/", "https://c.test/"]
    (inbox / "warc.paths.gz").write_bytes(gzip.compress(b"../c.warc\n"))
    with pytest.raises(SourceError, match="a path with"):
        run([source | {"base": "inbox/"}])


@pytest.fixture
def server(inbox: Path) -> Iterator[tuple[str, list[str]]]:
    """(address, paths asked for) of a server that has the archives below /crawl/."""
    asked: list[str] = []

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = FILES.get(self.path.removeprefix("/crawl/"))
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}/crawl", asked
        found.shutdown()


def test_a_list_names_files_to_download(inbox: Path, server: tuple[str, list[str]]) -> None:
    """Each is had once and pinned in the log; asking again asks for what is new."""
    base, asked = server
    (inbox / "warc.paths").write_text("a.warc\nb.warc\n")
    source = {key: value for key, value in WEB.items() if key != "path"} | {"paths": "inbox/warc.paths", "base": base}
    run([source])
    assert uris() == ["https://a.test/", "https://b.test/"] and asked == ["/crawl/a.warc", "/crawl/b.warc"]
    run([source])
    assert computed() == [] and len(asked) == 2
    (inbox / "warc.paths").write_text("a.warc\nb.warc\nc.warc\n")
    run([source])
    assert len(asked) == 2, "what is pinned stands until it is asked for"
    run([source], "--refetch", "web")
    run([source])
    assert asked[2:] == ["/crawl/c.warc"] and len(uris()) == 3
    assert {row["uri"] for row in CrawlLog().fetches("web") if row["body_digest"]} == {
        f"{base}/{name}.warc" for name in "abc"
    }


def test_a_file_that_cannot_be_had_stops_the_list(
    inbox: Path, server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came before it stands, and is not asked for again."""
    monkeypatch.setattr("stages.sources.download.ATTEMPTS", 1)
    base, asked = server
    (inbox / "warc.paths").write_text("a.warc\nx.warc\n")
    source = {key: value for key, value in WEB.items() if key != "path"} | {"paths": "inbox/warc.paths", "base": base}
    for _ in range(2):
        with pytest.raises(SourceError, match=re.escape("x.warc")):
            run([source])
    assert asked == ["/crawl/a.warc", "/crawl/x.warc", "/crawl/x.warc"]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"paths": "a.paths"}, "`paths` stands beside"),
        ({"base": "b/"}, "belong to `paths`"),
        ({"path": None, "paths": "a.paths", "base": "/b"}, "must be relative"),
        ({"path": None, "paths": "a.paths", "first": 0}, "must be >= 1"),
        ({"path": None, "url": "hf://datasets/o/n/x.warc"}, "only a source of the kind `archive`"),
    ],
)
def test_mistakes(more: dict[str, object], problem: str) -> None:
    """Each names the setting."""
    with pytest.raises(ValueError, match=problem):
        parse_sources([WEB | more])
