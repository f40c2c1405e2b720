"""The object store: wrong bytes are never used, and only what is safe to lose is dropped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from catalog.digests import file_digests
from catalog.incremental.journal import Output
from catalog.incremental.store import Store, is_sealed, new_object, seal
from catalog.layout import OBJECTS


def stored(content: bytes, store: Store, *, dvc: bool) -> Output:
    """An object in one of the two tiers."""
    beside = new_object()
    beside.write_bytes(content)
    sha256, md5 = file_digests(beside)
    seal(beside, sha256)
    output = Output(table="t", key=None, name=None, rows=0, bytes=len(content), sha256=sha256, md5=md5, logical="")
    target = store.in_dvc(md5) if dvc else store.local(output)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside.rename(target)
    return output


def test_both_tiers_answer_and_wrong_bytes_are_deleted_and_counted(project: Path) -> None:
    """A flipped byte of the right length is found in either tier, whatever its seal said before."""
    store = Store()
    for dvc in (False, True):
        output = stored(b"content", store, dvc=dvc)
        victim = store.in_dvc(output.md5) if dvc else store.local(output)
        victim.write_bytes(b"CONTENT")
        assert store.find(output) is None
        assert not victim.exists()
    assert store.corrupt == 2


def test_an_object_of_dvc_is_hashed_and_then_kept_as_ours(project: Path) -> None:
    """The second look costs no hashing: the copy is sealed, and a write breaks the seal."""
    store = Store()
    output = stored(b"content", store, dvc=True)
    assert store.find_all([output]) == {output: store.local(output)}
    assert store.local(output).read_bytes() == b"content"
    assert is_sealed(store.local(output), output)
    store.local(output).write_bytes(b"CONTENT")
    assert not is_sealed(store.local(output), output)
    assert store.find(output) == store.local(output)
    assert store.local(output).read_bytes() == b"content"
    assert store.corrupt == 1


def test_equal_sizes_have_different_seals(project: Path) -> None:
    """DVC goes by inode, size and time: a file put where another of its size lay must not look unchanged."""
    store = Store()
    one, two = (store.local(stored(content, store, dvc=False)) for content in (b"content", b"CONTENT"))
    assert one.stat().st_mtime != two.stat().st_mtime


def test_a_placed_file_never_shares_its_inode_with_dvc(project: Path) -> None:
    """Where the cache type is copy; our own objects are linked, which costs no disk."""
    Path(".dvc").mkdir(exist_ok=True)
    Path(".dvc/config").write_text("[cache]\n    type = copy\n")
    store = Store()
    ours, theirs = stored(b"ours", store, dvc=False), stored(b"theirs", store, dvc=True)
    store.place(store.local(ours), Path("a"))
    store.place(store.find(theirs) or Path(), Path("b"))
    assert Path("a").samefile(store.local(ours))
    assert not Path("b").samefile(store.in_dvc(theirs.md5))
    Path("b").write_bytes(b"edited")
    assert store.in_dvc(theirs.md5).read_bytes() == b"theirs"


def test_where_dvc_links_there_is_one_copy_of_an_object(project: Path) -> None:
    """Both tiers and the workspace share an inode; a write to it is seen, and heals into nothing but a rebuild."""
    Path(".dvc").mkdir(exist_ok=True)
    Path(".dvc/config").write_text('[cache]\n    type = "hardlink,copy"\n')
    store = Store()
    output = stored(b"theirs", store, dvc=True)
    store.place(store.find(output) or Path(), Path("a"))
    assert Path("a").samefile(store.in_dvc(output.md5))
    Path("a").write_bytes(b"edited")
    assert store.find_all([output]) == {}
    assert not store.in_dvc(output.md5).exists() and not store.local(output).exists()


def test_a_corrupt_object_of_dvc_beside_a_right_one_of_ours_is_deleted(project: Path) -> None:
    """DVC would take its own for the right one and put it into data/."""
    store = Store()
    output = stored(b"content", store, dvc=True)
    assert store.find(output)
    store.in_dvc(output.md5).unlink()
    store.in_dvc(output.md5).write_bytes(b"CONTENT")
    assert store.find_all([output]) == {output: store.local(output)}
    assert not store.in_dvc(output.md5).exists()
    assert store.corrupt == 1


def test_a_wrong_object_of_dvc_does_not_outlive_a_new_result(project: Path) -> None:
    """The result was computed, so nothing looked for it in DVC's store; DVC would link the wrong bytes."""
    store = Store()
    output = stored(b"content", store, dvc=False)
    store.in_dvc(output.md5).parent.mkdir(parents=True, exist_ok=True)
    store.in_dvc(output.md5).write_bytes(b"CONTENT")
    store.distrust([output])
    assert not store.in_dvc(output.md5).exists()
    assert store.corrupt == 1


def test_placing_replaces_a_file_of_other_bytes(project: Path) -> None:
    """What lay there before is no reason to trust it."""
    store = Store()
    output = stored(b"right", store, dvc=False)
    Path("a").write_bytes(b"wrong")
    store.place(store.local(output), Path("a"))
    assert Path("a").read_bytes() == b"right"


def test_pruning_keeps_what_is_used_or_stands_alone(project: Path) -> None:
    """Dropped: held by DVC and linked nowhere; left by a dead process or by this one. Kept: all else."""
    store = Store()
    spare = stored(b"spare", store, dvc=False)
    stored(b"spare", store, dvc=True)
    linked = stored(b"linked", store, dvc=False)
    stored(b"linked", store, dvc=True)
    store.place(store.local(linked), Path("data/x"))
    alone = stored(b"alone", store, dvc=False)
    writing = OBJECTS / f"tmp-{os.getppid()}-x"
    writing.write_bytes(b"half")
    new_object().write_bytes(b"half")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (OBJECTS / f"tmp-{dead.pid}-x").write_bytes(b"half")
    store.prune()
    store.sweep()
    assert sorted(OBJECTS.iterdir()) == sorted([store.local(linked), store.local(alone), writing])
    assert not store.local(spare).exists()
    assert store.find(spare) == store.local(spare)
