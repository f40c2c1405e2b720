"""Fsck of a remote behind a real HTTP server that can neither list nor delete."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catalog.digests import document_id
from catalog.erasure.audit import audit, stones_of
from catalog.erasure.forget import forget
from catalog.erasure.ledger import LEDGER, Ledger
from catalog.errors import GristmillError
from catalog.integrity.fsck import fsck
from tests.catalog.integrity.test_fsck import dvc, keep_folder, lock, md5, project
from tests.catalog.integrity.test_gc import git

__all__ = ["project"]


class Keeper(BaseHTTPRequestHandler):
    """A web server that keeps what it is sent and cannot delete, as DVC's remotes over HTTP are."""

    root: Path

    def _path(self) -> Path:
        return self.root / self.path.lstrip("/")

    def do_GET(self) -> None:
        """Send a file, or only its size."""
        path = self._path()
        content = path.read_bytes() if path.is_file() else b""
        self.send_response(200 if path.is_file() else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Keep what is sent, in one piece or in chunks."""
        path = self._path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(self._sent()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _sent(self) -> Iterator[bytes]:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield self.rfile.read(int(self.headers["Content-Length"]))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(URL, folder) of a running server."""
    handler = type("Here", (Keeper,), {"root": tmp_path / "web"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/store", tmp_path / "web/store/files/md5"
    server.shutdown()


def test_a_remote_over_http_is_checked_and_mended(project: Path, web: tuple[str, Path]) -> None:
    """It can neither list nor delete; a corrupt and a lost object are uploaded again."""
    url, kept = web
    Path("pages").mkdir()
    for name in ("a", "b", "c"):
        Path(f"pages/{name}").write_text(f"page {name}")
    dvc("add", "pages")
    dvc("remote", "add", "-d", "web", url)
    dvc("push")
    assert fsck(["web"]).problems == []
    corrupt, lost = (kept / md5(text)[:2] / md5(text)[2:] for text in (b"page a", b"page b"))
    corrupt.write_bytes(b"page ?")
    lost.unlink()
    assert "in sync" in dvc("status", "-c")
    assert sorted(problem.kind for problem in fsck(["web"]).problems) == ["corrupt", "lost"]
    report = fsck(["web"], repair=True)
    assert report.problems == []
    assert (corrupt.read_bytes(), lost.read_bytes()) == (b"page a", b"page b")


def test_a_remote_that_does_not_answer_is_an_error(project: Path) -> None:
    """Not a clean bill."""
    lock(clean={"data/clean": keep_folder({"a": b"right"})})
    dvc("remote", "add", "gone", "http://127.0.0.1:9/store")
    with pytest.raises(GristmillError, match="gone"):
        fsck(["gone"])


def test_a_remote_that_cannot_be_listed_is_asked_for_what_history_names(project: Path, web: tuple[str, Path]) -> None:
    """It cannot be purged from here, and the certificate says that nothing else was looked at."""
    text = b"Jane Doe lives at the end of the long lane behind the mill, and keeps seven geese."
    Path(".gitignore").write_text(".gristmill/\n.dvc/cache/\n.dvc/tmp/\ndata/forgotten.sqlite*\n")
    dvc("remote", "add", "-q", "-d", "web", web[0])
    with Ledger() as ledger:
        ledger.note(document_id("https://example.org/a"), "https://example.org/a", [text])
    forget(["https://example.org/a"], "asked")
    for version in (text, b"new"):
        lock(clean={"data/clean": keep_folder({"0": version})})
        git("add", "-A")
        git("commit", "-qm", "version")
        dvc("push", "-q")
    (remains,) = audit(stones_of([]), agree=lambda report: True).report.remains
    assert (remains.place, remains.purgeable) == ("web", False) and "delete it on its server" in remains.remedy
    (web[1] / remains.oid[:2] / remains.oid[2:]).unlink()
    found = audit(stones_of([]), folder=Path("proof"))
    assert found.certificate and [one["listed"] for one in found.certificate["searched"]] == [True, True, False, True]
    assert "it cannot be listed" in found.text() and LEDGER.exists()
