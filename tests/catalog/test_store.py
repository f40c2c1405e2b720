"""The object store: wrong bytes are never used, and only what is safe to lose is dropped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from catalog.digests import file_digests
from catalog.journal import Output
from catalog.layout import OBJECTS
from catalog.store import Store, new_object


def stored(content: bytes, store: Store, *, dvc: bool) -> Output:
    """An object in one of the two tiers."""
    beside = new_object()
    beside.write_bytes(content)
    sha256, md5 = file_digests(beside)
    output = Output(table="t", key=None, name=None, rows=0, bytes=len(content), sha256=sha256, md5=md5, logical="")
    target = store.in_dvc(md5) if dvc else store.local(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside.rename(target)
    return output


def test_both_tiers_answer_and_wrong_bytes_are_deleted_and_counted(project: Path) -> None:
    """A flipped byte of the right length is found in either tier."""
    store = Store()
    for dvc in (False, True):
        output = stored(b"content", store, dvc=dvc)
        found = store.find(output)
        assert found is not None and found.read_bytes() == b"content"
        found.write_bytes(b"CONTENT")
        assert store.find(output) is None
        assert not found.exists()
    assert store.corrupt == 2


def test_a_placed_file_never_shares_its_inode_with_dvc(project: Path) -> None:
    """Whoever edits data/ in place must not reach DVC's cache; our own objects are linked, which costs no disk."""
    store = Store()
    ours, theirs = stored(b"ours", store, dvc=False), stored(b"theirs", store, dvc=True)
    store.place(store.local(ours), Path("a"))
    store.place(store.in_dvc(theirs.md5), Path("b"))
    assert Path("a").samefile(store.local(ours))
    assert not Path("b").samefile(store.in_dvc(theirs.md5))
    Path("b").write_bytes(b"edited")
    assert store.find(theirs) is not None


def test_placing_replaces_a_file_of_other_bytes(project: Path) -> None:
    """What lay there before is no reason to trust it."""
    store = Store()
    output = stored(b"right", store, dvc=False)
    Path("a").write_bytes(b"wrong")
    store.place(store.local(output), Path("a"))
    assert Path("a").read_bytes() == b"right"


def test_pruning_keeps_what_is_used_or_stands_alone(project: Path) -> None:
    """Dropped: held by DVC and linked nowhere; left by a dead process. Kept: all else."""
    store = Store()
    spare = stored(b"spare", store, dvc=False)
    stored(b"spare", store, dvc=True)
    linked = stored(b"linked", store, dvc=False)
    stored(b"linked", store, dvc=True)
    store.place(store.local(linked), Path("data/x"))
    alone = stored(b"alone", store, dvc=False)
    writing = new_object()
    writing.write_bytes(b"half")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (OBJECTS / f"tmp-{dead.pid}-x").write_bytes(b"half")
    store.prune()
    assert sorted(OBJECTS.iterdir()) == sorted([store.local(linked), store.local(alone), writing])
    assert store.find(spare) == store.in_dvc(spare.md5)
