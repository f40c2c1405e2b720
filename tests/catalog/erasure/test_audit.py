"""Audit on projects made by hand: where remains are found, what a purge deletes, what it leaves, what is certified."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from catalog.digests import document_id
from catalog.erasure.audit import audit, stones_of
from catalog.erasure.certificate import is_whole, write_certificate
from catalog.erasure.forget import forget, host_id
from catalog.erasure.ledger import LEDGER, Ledger
from catalog.erasure.requests import keep_from_git
from catalog.erasure.search import Remains
from catalog.errors import GristmillError
from tests.catalog.integrity.test_fsck import dvc, keep, keep_folder, lock, project
from tests.catalog.integrity.test_gc import git

__all__ = ["project"]  # a fixture
URI = "https://example.org/a-page-about-jane-doe"
TEXT = b"Jane Doe lives at the end of the long lane behind the mill, and keeps seven geese."


@pytest.fixture
def store(project: Path, tmp_path: Path) -> Path:
    """A remote that is a folder; URI is forgotten, and its text known to the ledger."""
    dvc("remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    keep_from_git()
    with Ledger() as ledger:
        ledger.note(document_id(URI), URI, [TEXT])
    forget([URI], "asked by Jane")
    return tmp_path / "store"


def version(*texts: bytes) -> None:
    """Build and commit a version whose stage `clean` has some files."""
    lock(clean={"data/clean": keep_folder({str(number): text for number, text in enumerate(texts)})})
    git("add", "-A")
    git("commit", "-qm", "version")


def by_place(remains: tuple[Remains, ...]) -> dict[str, list[str]]:
    """Place -> kinds of what was found there, one for each file."""
    found: dict[str, list[str]] = {}
    for one in remains:
        found.setdefault(one.place, []).append("+".join(one.kinds))
    return found


def test_everything_is_searched_and_what_is_no_longer_needed_is_purged(store: Path) -> None:
    """Old objects here and on the remote, our own files; not a file of the user, nor history: they are told."""
    version(b"old", gzip.compress(TEXT.upper()), URI.encode())
    version(b"new", b"of another page")
    keep(b"pushed by somebody else: " + TEXT, root=store)
    Path(".gristmill/frontier").mkdir(parents=True)
    with sqlite3.connect(".gristmill/frontier/site.sqlite") as database:
        database.execute("create table urls (url)")
        database.execute("insert into urls values (?)", (URI,))
    database.close()
    Path("inbox").mkdir()
    Path("inbox/geese.md").write_bytes(b"# Notes\n\n" + TEXT)
    git("add", "-A")
    git("commit", "-qm", "notes")
    found = audit(stones_of([]))
    expected = {"workspace": ["address", "content"], "cache": ["content", "address"], "store": ["content"]}
    assert {place: sorted(kinds) for place, kinds in by_place(found.report.remains).items()} == {
        **{place: sorted(kinds) for place, kinds in expected.items()}, "git": ["content"],
    }  # fmt: skip
    assert found.certificate is None and found.purged is None and LEDGER.exists()
    purged = audit(stones_of([URI]), agree=lambda report: len(report.remains) == 6)
    assert purged.purged and (purged.purged.objects, purged.purged.files, len(purged.purged.versions)) == (3, 1, 1)
    left = {one.place: (one.name, one.remedy) for one in purged.report.remains}
    assert left["workspace"] == ("inbox/geese.md", "edit or delete this file of yours")
    blob = git("rev-parse", "HEAD:inbox/geese.md").strip()
    assert left["git"][0].startswith("inbox/geese.md in commit ")
    assert f"echo {blob} > .git/strip && git filter-repo --force --strip-blobs-with-ids" in left["git"][1]
    assert left.keys() == {"workspace", "git"} and not list(store.rglob("files/md5/*/*"))
    assert "inbox/geese.md" in purged.text()
    git("rm", "-q", "inbox/geese.md")
    git("reset", "-q", "--soft", "HEAD~")
    (unreachable,) = audit(stones_of([])).report.remains
    assert "git filter-repo" in unreachable.remedy, "the reflog still leads to it"
    git("reflog", "expire", "--expire=now", "--all")
    (unreachable,) = audit(stones_of([])).report.remains
    assert "git gc --prune=now" in unreachable.remedy
    git("gc", "-q", "--prune=now")
    clean = audit(stones_of([]), folder=Path("proof"))
    assert clean.certificate and clean.certificate["purged"]["objects"] == 3 and not LEDGER.exists()
    assert audit(stones_of([])).report.remains == (), "the certificate names the tombstone, and is no remains"


def test_what_the_current_version_needs_is_not_purged(store: Path) -> None:
    """It was built before the tombstone: `dvc repro` is what helps, not a missing file."""
    version(b"of this version: " + TEXT)
    found = audit(stones_of([]), agree=lambda report: True)
    assert [(one.place, one.purgeable) for one in found.report.remains] == [("cache", False)]
    assert "`dvc repro`" in found.report.remains[0].remedy and found.purged is None


def test_chance_is_no_evidence(store: Path) -> None:
    """A few words that the text shares with the code of a project are in any file."""
    version(b"the end of the long lane", b"lives at the end of the day, and keeps")
    assert audit(stones_of([])).report.remains == ()


def test_without_a_ledger_ids_alone_are_looked_for(store: Path) -> None:
    """As in the clone of a colleague; the report says for how many that is so."""
    with Ledger() as ledger:
        ledger.drop([document_id(URI)])
    version(b"old: " + TEXT, b"old: " + document_id(URI).encode())
    version(b"new")
    found = audit(stones_of([]))
    assert (by_place(found.report.remains), found.report.by_content) == ({"cache": ["id"]}, 0)


def test_a_certificate_is_kept_from_who_did_not_search_every_remote(store: Path) -> None:
    """The ledger stays, so that the others can be searched too."""
    version(b"new")
    found = audit(stones_of([]), [], folder=Path("proof"))
    assert found.certificate is not None
    assert [one["place"] for one in found.certificate["searched"]] == ["workspace", "cache", "git"]
    assert LEDGER.exists()
    said = json.loads(Path("proof/certificate.json").read_text())
    assert said == found.certificate and is_whole(said) and not is_whole(said | {"found": 1})
    assert said["forgotten"] == [{"id": document_id(URI), "kind": "document", "reason": "asked by Jane"}]
    page = Path("proof/certificate.md").read_text()
    assert "| asked by Jane |" in page and said["sha256"] in page
    for path in Path("proof").iterdir():
        assert b"geese" not in path.read_bytes() and b"example.org" not in path.read_bytes()


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH signs")
def test_a_certificate_can_be_signed(store: Path, tmp_path: Path) -> None:
    """By an SSH key, as git does; anybody who has the public one can check it."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "signers").write_text(f"us {key.with_suffix('.pub').read_text()}")
    paths = write_certificate({"searched": []} | _SAID, tmp_path / "proof", key)
    check = ["ssh-keygen", "-q", "-Y", "verify", "-f", str(tmp_path / "signers"), "-I", "us", "-n", "gristmill"]
    for content, status in ((paths[0].read_bytes(), 0), (b"{}", 255)):
        done = subprocess.run([*check, "-s", str(paths[2])], input=content, capture_output=True, check=False)
        assert done.returncode == status, done.stderr
    with pytest.raises(GristmillError, match="cannot sign"):
        write_certificate(_SAID, tmp_path / "proof", tmp_path / "no-key")


_SAID = {
    "issued_at": "now", "gristmill": "1", "commit": "", "forgotten": [], "searched": [], "found": 0, "shared": [],
    "looked_for": {"by_id": 0, "by_content": 0, "unread": []}, "models": [], "limits": [],
    "purged": {"objects": 0, "versions": []}, "sha256": "0",
}  # fmt: skip


def test_only_what_was_forgotten_can_be_audited(project: Path) -> None:
    """By address or id."""
    with pytest.raises(GristmillError, match="nothing was forgotten"):
        stones_of([])
    forget([URI], "x", hosts=["example.org"])
    assert [stone.id for stone in stones_of([URI, host_id("example.org")])] == [
        document_id(URI),
        host_id("example.org"),
    ]
    assert len(stones_of([])) == 2
    with pytest.raises(GristmillError, match=r"other was not forgotten; `gristmill forget`"):
        stones_of(["https://example.org/other"])
