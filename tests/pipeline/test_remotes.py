"""Versions go between clones through real servers: only what changed is computed, and sent."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dvc.api
import pytest
import yaml

from catalog.integrity.remotes import unverified
from tests.pipeline.clones import Clone, computed, first
from tests.pipeline.compared import Builds
from tests.pipeline.edits import document, line_of
from tests.pipeline.workbench import differences, locked, outputs
from tests.servers.running import Served
from tests.servers.s3 import bucket, seaweedfs
from tests.servers.ssh import openssh
from tests.servers.webdav import wsgidav

EDITED = dict.fromkeys(("crawl.files", "clean.extract", "clean.measure", "clean.judge"), 1)
"""What an edited document makes stale: the file it stands in, and of 5 segments of the corpus one."""
BY_SPLIT = "SELECT split, count(*)::INT AS n FROM kept_documents GROUP BY 1"
Server = Callable[[Path], contextlib.AbstractContextManager[Served]]


@contextlib.contextmanager
def folder(home: Path) -> Iterator[Served]:
    """A shared disk."""
    yield Served(url=str(home / "store"))


@contextlib.contextmanager
def s3(home: Path) -> Iterator[Served]:
    """A bucket."""
    with seaweedfs(home) as port:
        yield bucket(port, "dvc")


@pytest.fixture(
    params=[
        folder,
        s3,
        pytest.param(openssh, marks=pytest.mark.nightly),
        pytest.param(wsgidav, marks=pytest.mark.nightly),
    ],
    ids=lambda server: server.__name__,
)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A remote on a real server."""
    with request.param(tmp_path_factory.mktemp("server")) as found:
        yield found


def test_two_clones_share_versions(builds: Builds, served: Served, tmp_path: Path) -> None:
    """A colleague pulls, edits one document, computes and sends what follows from it; the first one pulls it back."""
    ours = first(builds, tmp_path / "ours")
    said = ours.set_up(served)
    assert all(secret not in (ours.folder / ".dvc/config").read_text() + said for secret in served.secrets.values())
    ours.commit()
    theirs = ours.clone(tmp_path / "theirs", served)
    theirs.dvc("pull")
    assert differences(outputs(theirs.folder), outputs(ours.folder)) == []

    theirs.edit("inbox/1.jsonl", line_of(document(3)), line_of(document(3) | {"text": "A quiet river, read again."}))
    theirs.dvc("repro")
    assert computed(theirs, ("crawl", "clean")) == EDITED
    sent = theirs.share("--yes")
    new, there = map(int, re.findall(r"in all +(\d+) +[\d,]+ +(\d+)", sent)[0])
    assert 0 < new < there, sent
    theirs.commit()

    ours.run("git", "pull", "-q", str(theirs.folder), "main")
    ours.dvc("pull")
    assert differences(outputs(ours.folder), outputs(theirs.folder)) == []
    assert locked(ours.folder) == locked(theirs.folder)
    assert "Running stage" not in ours.dvc("repro")


def held(clone: Clone, pattern: str) -> set[str]:
    """The files of data/ that a clone has."""
    return {path.relative_to(clone.folder).as_posix() for path in (clone.folder / "data").glob(pattern)}


@pytest.fixture
def ours(builds: Builds, tmp_path: Path) -> Clone:
    """A project whose version is on a shared disk."""
    found = first(builds, tmp_path / "ours")
    found.set_up(Served(url=str(tmp_path / "store")))
    found.commit()
    return found


def test_a_part_of_a_version_is_pulled(ours: Clone, tmp_path: Path) -> None:
    """The catalog without text; a model; the texts of a language and of a split, which an export then writes."""
    reader = ours.clone(tmp_path / "reader")
    reader.gristmill("pull", "catalog")
    counted = json.loads(reader.gristmill("sql", "-f", "json", BY_SPLIT))
    assert not held(reader, "clean/**/*") and sum(row["n"] for row in counted)
    reader.gristmill("pull", "data/tokenize/tokenizer")
    assert held(reader, "tokenize/*/*") == held(ours, "tokenize/tokenizer/*")
    reader.gristmill("pull", "--language", "zh", "--source", "reviews-3")
    some = held(reader, "clean/text/*")
    assert some and some < held(ours, "clean/text/*")
    reader.gristmill("pull", "--split", "test")
    assert some < held(reader, "clean/text/*") and not held(reader, "clean/signals/*")
    said = reader.gristmill("export", "jsonl", str(tmp_path / "test"), "--split", "test")
    (tested,) = (row["n"] for row in counted if row["split"] == "test")
    assert re.search(rf"\b{tested} written$", said, re.MULTILINE), said
    assert "no document is" in reader.gristmill("pull", "--language", "xx", check=False)
    assert "data/nothing is no stage" in reader.gristmill("pull", "data/nothing", check=False)


def test_another_repository_gets_imports_and_reads(ours: Clone, tmp_path: Path) -> None:
    """As DVC does it, from a clone without data: a table, a folder that keeps its origin, and bytes from Python."""
    origin, other = ours.clone(tmp_path / "origin"), ours.clone(tmp_path / "other")
    other.dvc("get", str(origin.folder), "data/catalog/documents", "-o", "documents")
    other.dvc("import", str(origin.folder), "data/tokenize/tokenizer", "-o", "tokenizer")
    for name, table in (("documents", "catalog/documents"), ("tokenizer", "tokenize/tokenizer")):
        got = {path.name: path.read_bytes() for path in (other.folder / name).iterdir()}
        assert got == {path.name: path.read_bytes() for path in (ours.folder / "data" / table).iterdir()}
    said = yaml.safe_load((other.folder / "tokenizer.dvc").read_text())
    assert len(said["deps"][0]["repo"]["rev_lock"]) == 40
    manifest = dvc.api.read("data/clean/manifest.parquet", repo=str(origin.folder), mode="rb")
    assert manifest == (ours.folder / "data/clean/manifest.parquet").read_bytes()


class Quiet(SimpleHTTPRequestHandler):
    """A web server that serves a folder and says nothing."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a web server, and the folder that it serves."""
    folder = tmp_path / "www"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/corpus", folder / "corpus"
    server.shutdown()


def test_a_public_remote_stands_beside_a_private_one(ours: Clone, web: tuple[str, Path], tmp_path: Path) -> None:
    """Whoever clones reads the tables by any web server, has no texts, and can write nowhere."""
    address, written = web
    ours.share("catalog", "-r", "open", "--url", str(written), "--public", address, "--yes")
    ours.commit()
    shared = (ours.folder / ".dvc/config").read_text()
    assert address in shared and str(written) not in shared and unverified_in(ours) == []
    reader = ours.clone(tmp_path / "reader")
    reader.gristmill("pull", "catalog", "-r", "open")
    assert held(reader, "catalog/*/*") == held(ours, "catalog/*/*") and reader.gristmill("sql", BY_SPLIT)
    assert (
        "open (" in (said := reader.gristmill("pull", "clean", "-r", "open", check=False)) and "share -r open" in said
    )
    reader.dvc("pull", "label", "-r", "store")
    said = reader.gristmill("share", "label", "-r", "open", "--yes", check=False)
    assert "did not arrive on open" in said and "data/label/" in said
    (damaged,) = (path for path in written.rglob("*") if path.name == manifest_of(ours)[2:])
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    other = ours.clone(tmp_path / "other")
    said = other.gristmill("pull", "catalog", "-r", "open", check=False)
    assert "data/catalog/manifest.parquet" in said and "wrong bytes" in said and not held(other, "catalog/**/*")


def manifest_of(clone: Clone) -> str:
    """The object that is the catalog's manifest."""
    return hashlib.md5((clone.folder / "data/catalog/manifest.parquet").read_bytes()).hexdigest()


def unverified_in(clone: Clone) -> list[str]:
    """Remotes whose objects DVC would take for right."""
    with contextlib.chdir(clone.folder):
        return unverified()
