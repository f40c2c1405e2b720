"""Sources of params.yaml: what may be said, and how mistakes are reported."""

from __future__ import annotations

from typing import Any

import pytest

from stages.sources.parse import parse_sources
from stages.sources.settings.archive import ArchiveSource
from stages.sources.settings.files import FilesSource
from stages.sources.settings.site import SiteSource

DIGEST = "0" * 64
ARCHIVE: dict[str, Any] = {
    "name": "books",
    "kind": "archive",
    "licence": "MIT",
    "package": "books==1.0",
    "sha256": DIGEST,
    "members": [{"match": "**/*.txt", "label": "book"}],
}
FILES: dict[str, Any] = {"name": "inbox", "kind": "files", "licence": "MIT", "path": "inbox"}
SITE: dict[str, Any] = {
    "name": "site", "kind": "site", "licence": "MIT", "base": "https://example.org/docs/",
    "contact": "mailto:you@example.org",
}  # fmt: skip


def test_each_kind_becomes_its_record() -> None:
    """Flat YAML keys land in the record they belong to."""
    archive, files, site = parse_sources([ARCHIVE, FILES | {"format": "lines"}, SITE | {"delay": 2}])
    assert isinstance(archive, ArchiveSource) and archive.archive.uri == "pypi:books==1.0"
    assert archive.members[0].label == "book"
    assert isinstance(files, FilesSource) and files.reading.format == "lines"
    assert isinstance(site, SiteSource) and site.delay == 2.0 and site.seeds == ("",)


def test_a_served_archive_is_written_flat_too() -> None:
    """`serve` takes the keys of the archive beside its prefix."""
    (site,) = parse_sources([SITE | {"serve": {"package": "a==1", "sha256": DIGEST, "prefix": "help/"}}])
    assert isinstance(site, SiteSource) and site.serve
    assert (site.serve.prefix, site.serve.archive.package) == ("help/", "a==1")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, "must be a mapping"),
        (FILES | {"kind": "ftp"}, "`kind` is 'ftp', must be one of archive, files, site"),
        (FILES | {"pth": "x"}, "unknown key `pth`; did you mean `path`?"),
        (FILES | {"fromat": "csv"}, "did you mean `format`?"),
        (FILES | {"name": "Inbox 1"}, "must be lower-case"),
        (FILES | {"path": "/etc"}, "must be relative"),
        (FILES | {"path": "a/../../b"}, "must be relative"),
        (FILES | {"format": "odt"}, "must be one of text, html"),
        (FILES | {"format": "csv"}, "`columns` is missing"),
        (FILES | {"format": "csv", "columns": {"title": "t"}}, "`text` is missing"),
        (FILES | {"replace": ["(", ""]}, "not a regular expression"),
        (FILES | {"replace": ["a"]}, "has 1 items, must have 2"),
        (FILES | {"encoding": "klingon"}, "which Python does not know"),
        (FILES | {"header": "yes"}, "must be of type bool"),
        (ARCHIVE | {"package": "books>=1"}, "must be NAME==VERSION"),
        (ARCHIVE | {"url": "https://example.org/a.zip"}, "exactly one of `package`, `url`, `path`"),
        (ARCHIVE | {"sha256": None}, "`sha256` is missing"),
        (ARCHIVE | {"sha256": "abc"}, "must be 64 lower-case hex digits"),
        (ARCHIVE | {"members": []}, "`members` is empty"),
        (ARCHIVE | {"members": [{"match": "a"}, {"match": "a"}]}, "`match: a` twice"),
        (SITE | {"base": "https://example.org/docs"}, "must end with `/`"),
        (SITE | {"base": "ftp://example.org/"}, "only http and https"),
        (SITE | {"seeds": ["https://other.org/"]}, "is outside of base"),
        (SITE | {"max_pages": 0}, "must be >= 1"),
        (SITE | {"timeout": 0}, "must be > 0 seconds"),
        (SITE | {"user_agent": " "}, "`user_agent` is empty"),
        (SITE | {"allow_networks": ["10.0.0.0/99"]}, "`allow_networks`"),
    ],
)
def test_a_mistake_is_named(entry: Any, message: str) -> None:
    """Every impossible value gives a line that names it."""
    with pytest.raises(ValueError) as error:
        parse_sources([entry])
    assert message in str(error.value)


def test_all_problems_are_reported_at_once() -> None:
    """Two broken sources and a repeated name give three lines."""
    with pytest.raises(ValueError) as error:
        parse_sources([FILES, FILES, FILES | {"path": "/x"}, SITE | {"max_pages": 0}])
    assert len(str(error.value).splitlines()) == 3
    assert "source inbox: the name is used twice" in str(error.value)
