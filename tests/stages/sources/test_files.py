"""The source kind `files`: which files are read, how they are grouped, and that DVC must know them."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.digests import file_sha256
from catalog.errors import SourceError
from stages.sources.files import (
    FilesReading,
    check_dependencies,
    file_groups,
    group_digest,
    matching_files,
    read_files,
)
from stages.sources.settings.files import FilesSource
from stages.sources.settings.reading import Columns, Reading


def written(root: Path, *paths: str) -> None:
    """Make files."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"text of {path}")


def source(path: str, match: str = "**") -> FilesSource:
    """A source of files."""
    return FilesSource(name="inbox", licence="MIT", path=path, reading=Reading(match=match))


@pytest.mark.parametrize(
    ("path", "match", "found"),
    [
        ("inbox/a.txt", "**", ["inbox/a.txt"]),
        ("inbox", "**", ["inbox/a.txt", "inbox/deep/b.txt", "inbox/deep/c.html"]),
        ("inbox", "*.txt", ["inbox/a.txt"]),
        ("inbox", "**/*.html", ["inbox/deep/c.html"]),
        ("inbox/*.txt", "**", ["inbox/a.txt"]),
        ("inbox/**/*.txt", "**", ["inbox/a.txt", "inbox/deep/b.txt"]),
    ],
)
def test_a_file_a_folder_or_a_glob(project: Path, path: str, match: str, found: list[str]) -> None:
    """Files come sorted by path; hidden files and DVC's own are not data."""
    written(project, "inbox/a.txt", "inbox/deep/b.txt", "inbox/deep/c.html", "inbox/.gitignore", "inbox/a.txt.dvc")
    assert [one.as_posix() for one in matching_files(source(path, match))] == found


def test_a_missing_file_is_a_clear_error(project: Path) -> None:
    """The message names the source, the path and what to do."""
    with pytest.raises(SourceError, match="source inbox: no file at inbox; put it there"):
        matching_files(source("inbox"))


def test_links_out_of_the_repository_are_refused(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A link to another place would make results depend on what DVC does not see."""
    written(tmp_path_factory.mktemp("other"), "secret.txt")
    (project / "inbox").mkdir()
    (project / "inbox/link.txt").symlink_to(tmp_path_factory.getbasetemp() / "other0" / "secret.txt")
    with pytest.raises(SourceError, match="is a link out of the repository"):
        matching_files(source("inbox"))


def test_a_new_file_changes_one_group(project: Path) -> None:
    """Of several groups of files, one that comes or goes touches one; a large table stands alone, a long page not."""
    written(project, *(f"pages/{number:05}.html" for number in range(6000)))
    (project / "pages/big.jsonl").write_bytes(b"x" * (5 << 20))
    (project / "pages/00500.html").write_bytes(b"x" * (5 << 20))
    before = file_groups(matching_files(source("pages")), Reading())
    assert [Path("pages/big.jsonl")] in before and 4 <= len(before) <= 12
    written(project, "pages/00700-new.html")
    after = file_groups(matching_files(source("pages")), Reading())
    assert len({digest(group) for group in after} - {digest(group) for group in before}) == 1
    assert sum(len(group) for group in after) == 6002


def digest(group: list[Path]) -> str:
    """Digest of a group of files."""
    return group_digest(group, {path.as_posix(): file_sha256(path) for path in group})


def test_rows_of_a_group_name_their_file(project: Path) -> None:
    """URIs are relative to the repository; an unreadable file is one row of the quarantine."""
    written(project, "inbox/a.txt", "inbox/b.odt")
    (project / "inbox/c.jsonl").write_text('{"t": "one", "i": "x"}\n{bad\n{"t": "two", "i": "y"}\n')
    params = FilesReading(name="inbox", licence="MIT", reading=Reading(columns=Columns(text="t", id="i")))
    tables = {name: table for name, _, table in read_files(matching_files(source("inbox")), params=params)}
    assert tables["captures"]["uri"].to_pylist() == ["file:inbox/a.txt", "file:inbox/c.jsonl#x", "file:inbox/c.jsonl#y"]
    assert len(tables["quarantine"]) == 2
    assert tables["quarantine"]["uri"].to_pylist()[0] == "file:inbox/b.odt"
    assert tables["quarantine"]["uri"].to_pylist()[1].startswith("file:inbox/c.jsonl#")


@pytest.mark.parametrize(
    ("path", "dependencies", "known"),
    [
        ("inbox/a.jsonl", ["inbox/a.jsonl"], True),
        ("inbox/a.jsonl", ["stages/crawl.py", "inbox"], True),
        ("inbox/*.jsonl", ["inbox"], True),
        ("inbox/x/**/*.txt", ["inbox/x"], True),
        ("inbox/a.jsonl", ["inbox/b.jsonl"], False),
        ("inbox", ["inbox/a.jsonl"], False),
        ("inbox", [], False),
    ],
)
def test_what_a_source_reads_must_be_a_dependency(path: str, dependencies: list[str], known: bool) -> None:
    """Otherwise DVC would not see it change; the message has the command that mends it."""
    if known:
        check_dependencies({"inbox": [path]}, dependencies)
        return
    with pytest.raises(SourceError, match="as `gristmill source add` does"):
        check_dependencies({"inbox": [path]}, dependencies)
