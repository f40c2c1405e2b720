"""Archives: members are streamed, dangerous ones refused, bombs stopped, nothing extracted."""

from __future__ import annotations

import io
import tarfile
import threading
import zipfile
from collections.abc import Mapping

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import SourceError
from stages.sources.archive import glob_pattern, members
from stages.sources.entries import Member, Refused, path_refusal
from stages.sources.packed import UNREADABLE, TooLarge
from stages.sources.settings.archive import ArchiveLimits
from tests.stages.sources.dumps import PACKERS

USUAL = ArchiveLimits()
SMALL = ArchiveLimits(member=50_000, total=200_000, ratio=200)


def zipped(files: Mapping[str, bytes]) -> io.BytesIO:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    out.seek(0)
    return out


def tarred(files: Mapping[str, bytes], mode: str = "w:gz", special: tuple[tarfile.TarInfo, ...] = ()) -> io.BytesIO:
    """A tar archive; `special` entries have no content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        for info in special:
            archive.addfile(info)
    out.seek(0)
    return out


def read(stream: io.BytesIO, *globs: str, limits: ArchiveLimits = USUAL) -> dict[str, bytes | str]:
    """Path -> bytes, or the reason of a refusal."""
    found: dict[str, bytes | str] = {}
    for one in members(stream, "test", globs or ("**",), limits):
        found[one.path] = one.stream.read() if isinstance(one, Member) else one.reason
    return found


def test_members_come_out_as_they_went_in() -> None:
    """Every format gives the same paths and bytes."""
    files = {"a/one.txt": b"one", "a/b/two.txt": "zwei \u4e8c".encode(), "empty": b""}
    for packed in (zipped(files), *(tarred(files, mode) for mode in ("w", "w:gz", "w:bz2", "w:xz"))):
        assert read(packed) == files


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "d/a.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "d/e/a.txt", True),
        ("**", "d/e/a.txt", True),
        ("d/**", "d/e/a.txt", True),
        ("d/?.txt", "d/a.txt", True),
        ("d/[a].txt", "d/a.txt", False),
        ("d/[a].txt", "d/[a].txt", True),
    ],
)
def test_globs_know_folders(glob: str, path: str, matches: bool) -> None:
    """`*` stays inside a folder, `**` does not, brackets mean themselves."""
    assert bool(glob_pattern(glob).fullmatch(path)) is matches


def test_nested_archives_are_entered_by_an_exclamation_mark() -> None:
    """A tar.gz inside a zip is read without extraction, and the member names the glob that asked for it."""
    inner = tarred({"data/x.txt": b"x", "data/y.csv": b"y"})
    outer = zipped({"deep/inner.tar.gz": inner.getvalue(), "top.txt": b"top"})
    found = list(members(outer, "test", ("deep/*.tar.gz!data/*.txt", "*.txt"), ArchiveLimits()))
    assert [(one.path, one.glob) for one in found if isinstance(one, Member)] == [
        ("deep/inner.tar.gz!data/x.txt", "deep/*.tar.gz!data/*.txt"),
        ("top.txt", "*.txt"),
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "an absolute path"),
        ("C:\\x", "an absolute path"),
        ("\\\\host\\x", "an absolute path"),
        ("a/../../b", "a path with `..`"),
        ("a\\..\\b", "a path with `..`"),
        ("x" * 5000, "an impossible path"),
        ("a/..b/c", None),
    ],
)
def test_paths_that_leave_the_archive_are_refused(path: str, reason: str | None) -> None:
    """Absolute paths and `..` are refused by name, in zip and tar alike."""
    assert path_refusal(path) == reason


def test_refused_members_do_not_hide_the_others() -> None:
    """A bad member gives a reason, its neighbours give their bytes."""
    assert read(zipped({"../evil": b"x", "good": b"y"})) == {"../evil": "a path with `..`", "good": b"y"}
    assert read(tarred({"/evil": b"x", "good": b"y"})) == {"/evil": "an absolute path", "good": b"y"}


def test_links_and_devices_are_refused() -> None:
    """Symbolic links, hard links and devices of a tar, and symbolic links of a zip, are not followed."""
    special = []
    for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "good"
        special.append(info)
    assert read(tarred({"good": b"y"}, special=tuple(special))) == {
        "good": b"y", "soft": "a link or device", "hard": "a link or device", "device": "a link or device",
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("soft")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    assert read(out) == {"soft": "a link or device"}


def test_encrypted_members_are_refused() -> None:
    """The encryption flag of a zip entry is enough."""
    raw = bytearray(zipped({"secret": b"x"}).getvalue())
    raw[raw.index(b"PK\1\2") + 8] |= 1
    assert read(io.BytesIO(bytes(raw))) == {"secret": "encrypted"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused_the_second_time() -> None:
    """Two members of one name would be two documents of one URI."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a", "2")
    found = list(members(out, "test", ("**",), ArchiveLimits()))
    assert isinstance(found[0], Member) and found[1] == Refused("a", "the name stands twice")


def test_large_members_are_refused_by_their_header() -> None:
    """The size limit of a member is judged before it is read."""
    big = {"big": b"x" * 50_001, "ok": b"y"}
    assert read(zipped(big), limits=SMALL) == {"big": "larger than 50000 bytes", "ok": b"y"}
    assert read(tarred(big), limits=SMALL) == {"big": "larger than 50000 bytes", "ok": b"y"}


def test_a_header_that_lies_about_the_size_does_not_help() -> None:
    """A zip entry that inflates to more than its header says is stopped while it is read."""
    raw = bytearray(zipped({"liar": b"x" * 60_000}).getvalue())
    at = raw.index(b"PK\1\2") + 24
    raw[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises((TooLarge, zipfile.BadZipFile)):
        read(io.BytesIO(bytes(raw)), limits=SMALL)


def test_bombs_are_stopped() -> None:
    """Too much in sum, or too much for its compressed size, ends the archive or refuses the member."""
    many = {f"{n}": bytes([n]) * 40_000 for n in range(8)}
    for stream in (zipped(many), tarred(many)):
        with pytest.raises(SourceError, match="larger than 200000 bytes"):
            read(stream, limits=SMALL)
    zeros = {"zeros": bytes(20 << 20)}
    assert read(zipped(zeros)) == {"zeros": "expands more than 200 times"}
    with pytest.raises((SourceError, TooLarge), match="expands more than 200 times"):
        read(tarred(zeros))


TRUNCATED = tarred({"a": b"x" * 9999}).getvalue()[:60]


@pytest.mark.parametrize(
    "body",
    [b"", b"not an archive", b"PK\3\4 broken", b"\x1f\x8b broken", TRUNCATED],
    ids=["empty", "text", "zip", "gzip", "truncated"],
)
def test_an_unreadable_archive_is_one_clear_error(body: bytes) -> None:
    """Garbage and truncation name the archive and the next command."""
    with pytest.raises(SourceError, match=r"test: not a readable zip, tar or 7z archive.*dvc repro crawl"):
        read(io.BytesIO(body))


def seven_zipped(files: Mapping[str, bytes], password: str | None = None) -> io.BytesIO:
    """A 7z archive, solid."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password) as archive:
        for name, body in files.items():
            archive.writestr(body, name)
    out.seek(0)
    return out


def test_7z_gives_every_wanted_member() -> None:
    """Members of a solid block come in order, also where one is not wanted, or not read to its end."""
    files = {"a/one.txt": b"one" * 200_000, "skipped.bin": b"x" * 9999, "b.txt": b"two", "empty.txt": b""}
    assert read(seven_zipped(files)) == files
    assert set(read(seven_zipped(files), "*.txt")) == {"b.txt", "empty.txt"}
    started = threading.active_count()
    paths = [one.path for one in members(seven_zipped(files), "test", ("**/*.txt",), USUAL)]
    assert sorted(paths) == ["a/one.txt", "b.txt", "empty.txt"]
    next(members(seven_zipped(files), "test", ("**/*.txt",), USUAL))
    assert threading.active_count() == started


def test_7z_refusals() -> None:
    """Encrypted members, large ones and bombs are refused by their headers; damage is named for every member."""
    assert read(seven_zipped({"a": b"x"}, "secret")) == {"a": "encrypted"}
    assert read(seven_zipped({"big": b"x" * 50_001, "ok": b"y"}), limits=SMALL) == {
        "big": "larger than 50000 bytes", "ok": b"y",
    }  # fmt: skip
    assert read(seven_zipped({"zeros": bytes(20 << 20)})) == {"zeros": "expands more than 200 times"}
    with pytest.raises(SourceError, match="larger than 200000 bytes"):
        read(seven_zipped({f"{n}": bytes([n]) * 40_000 for n in range(8)}), limits=SMALL)


DAMAGED = {"a": b"first " * 20, "b": b"second" * 20}
SOUND = seven_zipped(DAMAGED).getvalue()
PAYLOAD = int.from_bytes(SOUND[12:20], "little")  # bytes of the packed members, behind 32 of the first header


@settings(max_examples=25, deadline=None)
@given(st.integers(0, PAYLOAD - 1), st.integers(1, 255))
def test_a_damaged_7z_loses_no_member_silently(position: int, flip: int) -> None:
    """With any byte of its block wrong, each member comes out as it went in, or is refused, or cannot be read."""
    raw = bytearray(SOUND)
    raw[32 + position] ^= flip
    found: dict[str, object] = {}
    try:
        for one in members(io.BytesIO(bytes(raw)), "test", ("**",), USUAL):
            try:
                found[one.path] = one.stream.read() if isinstance(one, Member) else "refused"
            except UNREADABLE:
                found[one.path] = "unreadable"
    except SourceError:  # the packed list of the members, which lies behind them
        return
    assert set(found) == set(DAMAGED)
    assert all(body in (DAMAGED[path], "refused", "unreadable") for path, body in found.items())


@pytest.mark.parametrize("packer", PACKERS)
def test_a_packed_file_is_an_archive_of_itself(packer: str) -> None:
    """RC.jsonl.zst holds RC.jsonl; a packed tar is still a tar; a plain file only where its name says a table."""
    body = b'{"body": "one"}\n'
    stream = io.BytesIO(PACKERS[packer](body))
    found = list(members(stream, f"https://example.org/RC.jsonl.{packer}", ("*.jsonl",), USUAL))
    assert [one.path for one in found] == ["RC.jsonl"]
    assert read(io.BytesIO(PACKERS[packer](tarred({"a": b"1"}, "w").getvalue()))) == {"a": b"1"}
    (plain,) = members(io.BytesIO(body), "file:data/x.jsonl", ("**",), USUAL)
    assert isinstance(plain, Member) and plain.stream.read() == body
