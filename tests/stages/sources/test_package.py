"""Pinned archives: found where pip would find them, verified, kept, never executed; all without a network."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from catalog.errors import SourceError
from stages.sources import download, package
from stages.sources.download import archive_path, downloaded, fetch_record
from stages.sources.package import PYPI, PipSettings, distribution_link, package_client, pip_settings, settings_from
from stages.sources.settings.archive import Pinned

SETUP = b"open('executed', 'w')\nraise SystemExit('setup.py was executed')\n"


def sdist() -> bytes:
    """An sdist whose setup.py leaves a trace when it runs."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("demo-1.0/setup.py")
        info.size = len(SETUP)
        archive.addfile(info, io.BytesIO(SETUP))
    return out.getvalue()


def wheel() -> bytes:
    """A wheel, as far as its name goes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("demo/__init__.py", "")
    return out.getvalue()


@pytest.fixture
def files(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A folder of distributions that pip is configured with, and nothing else."""
    made = {"demo-1.0.tar.gz": sdist(), "demo-1.0-py3-none-any.whl": wheel(), "demo-2.0.tar.gz": b"newer"}
    (project / "links").mkdir()
    for name, body in made.items():
        (project / "links" / name).write_bytes(body)
    settings = PipSettings(index_urls=((project / "nowhere").as_uri(),), find_links=((project / "links").as_uri(),))
    monkeypatch.setattr(package, "pip_settings", lambda: settings)
    return made


def pinned(body: bytes, kind: str | None = None, package: str = "demo==1.0") -> Pinned:
    """A pin on these bytes."""
    return Pinned(package=package, sha256=hashlib.sha256(body).hexdigest(), distribution=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "kind"), [("demo-1.0.tar.gz", "sdist"), ("demo-1.0-py3-none-any.whl", "wheel")])
def test_the_pinned_file_is_fetched_and_kept(files: dict[str, bytes], name: str, kind: str) -> None:
    """The file lands under its digest with a record of the download, nothing runs, and a second call reads nothing."""
    pin = pinned(files[name], kind)
    path = archive_path(pin)
    assert path == Path(".gristmill/downloads") / str(pin.sha256) / name and path.read_bytes() == files[name]
    record = fetch_record(pin)
    assert record and record["uri"] == "pypi:demo==1.0" and record["fetched_at"].endswith("+00:00")
    Path("links", name).unlink()
    assert archive_path(pin) == path
    assert not Path("executed").exists() and not list(Path(".gristmill/downloads").glob("part-*"))


def test_a_wrong_digest_names_everything(files: dict[str, bytes]) -> None:
    """Package, expected, got and the next command; nothing is kept."""
    wrong = Pinned(package="demo==1.0", sha256="0" * 64, distribution="sdist")
    got = hashlib.sha256(files["demo-1.0.tar.gz"]).hexdigest()
    with pytest.raises(SourceError, match=f"demo==1.0: expected sha256 {'0' * 64}, got {got};.*dvc repro"):
        archive_path(wrong)
    assert downloaded(wrong) is None and not list(Path(".gristmill/downloads").glob("part-*"))


@pytest.mark.parametrize("package", ["demo==3.0", "other==1.0"])
def test_a_version_that_no_index_has(files: dict[str, bytes], package: str) -> None:
    """The message names the places that were searched."""
    with pytest.raises(SourceError, match=f"{package}: no sdist of this version in file://.*pip index versions"):
        archive_path(pinned(b"x", "sdist", package))


def test_damaged_downloads_are_fetched_again(files: dict[str, bytes]) -> None:
    """A file whose bytes changed on disk is not used."""
    pin = pinned(files["demo-1.0.tar.gz"], "sdist")
    archive_path(pin).write_bytes(b"damaged")
    assert archive_path(pin).read_bytes() == files["demo-1.0.tar.gz"]


def test_an_index_that_states_hashes_is_believed_before_the_download(project: Path) -> None:
    """Among files of one version the one with the pinned hash is taken; without one, nothing is downloaded."""
    page = project / "index" / "demo" / "index.html"
    page.parent.mkdir(parents=True)
    offered = {"demo-1.0.zip": "a" * 64, "demo-1.0.tar.gz": "b" * 64}
    page.write_text("".join(f'<a href="{name}#sha256={digest}">x</a>' for name, digest in offered.items()))
    settings = PipSettings(index_urls=((project / "index").as_uri(),))
    with package_client(settings) as client:
        link = distribution_link(Pinned(package="demo==1.0", sha256="b" * 64), settings, client)
        assert link.filename == "demo-1.0.tar.gz"
        with pytest.raises(SourceError, match="the index offers"):
            distribution_link(Pinned(package="demo==1.0", sha256="c" * 64), settings, client)


def test_network_errors_are_tried_again(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two failures are survived; after four the error names the source and the cause."""
    body, failures, slept = files["demo-2.0.tar.gz"], [1, 2], list[float]()
    fetch = download._copy

    def flaky(*arguments: object) -> str:
        if failures:
            failures.pop()
            raise httpx2.ConnectError("no route")
        return fetch(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(download, "_copy", flaky)
    assert archive_path(pinned(body, package="demo==2.0"), sleep=slept.append).read_bytes() == body
    assert slept == [1, 2]
    failures += [1] * 9
    with pytest.raises(SourceError, match=r"ConnectError after 4 attempts: no route; check the network"):
        archive_path(pinned(sdist(), "sdist"), sleep=slept.append)


def test_archives_from_urls_and_paths(files: dict[str, bytes], project: Path) -> None:
    """A file:// URL is downloaded like a package, a path is read where it lies; both are verified."""
    body = files["demo-2.0.tar.gz"]
    digest = hashlib.sha256(body).hexdigest()
    url = (project / "links/demo-2.0.tar.gz").as_uri()
    assert archive_path(Pinned(url=url, sha256=digest)).read_bytes() == body
    assert archive_path(Pinned(path="links/demo-2.0.tar.gz")) == Path("links/demo-2.0.tar.gz")
    with pytest.raises(SourceError, match="expected sha256 0000"):
        archive_path(Pinned(path="links/demo-2.0.tar.gz", sha256="0" * 64))
    with pytest.raises(SourceError, match=r"nowhere\.zip: no such file"):
        archive_path(Pinned(path="nowhere.zip"))


LISTED = [
    ":env:.timeout='99'",
    "global.index-url='https://mirror/simple'",
    "global.extra-index-url='https://one/ file:///two'",
    "global.find-links='/nowhere https://links/'",
    "global.cert='/etc/cert.pem'",
    "install.index-url='https://unrelated/'",
    "download.trusted-host='a b'",
]


def test_pip_configuration_is_honoured() -> None:
    """Index, extra indexes, links, certificates and hosts are those of pip; folders that do not exist are left out."""
    assert settings_from(LISTED, {}) == PipSettings(
        index_urls=("https://mirror/simple", "https://one/", "file:///two"), find_links=("https://links/",),
        trusted_hosts=("a", "b"), cert="/etc/cert.pem", timeout=99,
    )  # fmt: skip


def test_variables_win_and_no_index_leaves_the_links() -> None:
    """PIP_* variables override files, as in pip; without any configuration it is PyPI."""
    assert settings_from(LISTED, {"PIP_INDEX_URL": "https://env/"}).index_urls[0] == "https://env/"
    assert settings_from(LISTED, {"PIP_NO_INDEX": "1"}).index_urls == ()
    assert settings_from([], {}) == PipSettings(index_urls=(PYPI,))


def test_the_machine_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pip config list` is read; where there is no pip, the variables still are."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://env/")
    assert pip_settings().index_urls[0] == "https://env/"
    monkeypatch.setattr("stages.sources.package.sys.executable", "/bin/false")
    assert pip_settings().index_urls[0] == "https://env/"


def test_a_file_of_the_hub_is_asked_for_by_its_commit(
    files: dict[str, bytes], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """hf:// becomes the hub's address at HF_ENDPOINT, redirects to its store are followed, the digest is checked."""
    commit, body = "a" * 40, b'{"text": "one"}\n'
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            stored = self.path == "/store/x"
            self.send_response(200 if stored else 302)
            self.send_header("Location", "/store/x")
            self.send_header("Content-Length", str(len(body) if stored else 0))
            self.end_headers()
            self.wfile.write(body if stored else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}/")
        pin = Pinned(url=f"hf://datasets/o/n@{commit}/data/a b.jsonl", sha256=hashlib.sha256(body).hexdigest())
        assert archive_path(pin).read_bytes() == body and pin.uri.startswith("hf://")
        server.shutdown()
    assert asked == [f"/datasets/o/n/resolve/{commit}/data/a%20b.jsonl", "/store/x"]
    with pytest.raises(ValueError, match="a commit of 40 hex digits"):
        Pinned(url="hf://datasets/o/n@main/a.jsonl", sha256="0" * 64)
