"""What `gristmill source add --from` finds out about a path or URL by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.errors import SourceError
from stages.sources.guess import guessed
from stages.sources.parse import parse_sources
from tests.stages.sources.dumps import FILES, MAILS, PACKERS, POSTS, WIKI

ROOT = Path(__file__).parents[3]
REDDIT = json.dumps({"id": "x", "body": "b", "author": "a", "created_utc": 1, "subreddit": "s"}).encode()
PLACES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("w.xml.bz2", PACKERS["bz2"](WIKI), {"kind": "files", "format": "mediawiki"}),
    ("Posts.xml", POSTS, {"kind": "files", "format": "stackexchange"}),
    ("mail", MAILS, {"kind": "files", "format": "mbox"}),
    (
        "RC_2020-01.jsonl.zst", PACKERS["zst"](REDDIT),
        {
            "kind": "files", "absent": ["[deleted]", "[removed]"],
            "columns": {"text": "body", "id": "id", "author": "author", "published_at": "created_utc"},
        },
    ),
    ("a.json", FILES["json"][1], {"kind": "files", "columns": {"text": "data.body", "id": "id", "title": "title"}}),
    ("a.csv", b"id,text\n1,x\n", {"kind": "files", "columns": {"text": "text", "id": "id"}}),
    ("a.txt", b"words", {"kind": "files"}),
    ("x.stackexchange.7z", b"", {"kind": "archive", "members": [{"match": "Posts.xml", "format": "stackexchange"}]}),
    ("x.tar.zst", b"", {"kind": "archive", "members": [{"match": "**"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "expected"), PLACES, ids=[name for name, _, _ in PLACES])
def test_a_file_is_looked_into(project: Path, name: str, body: bytes, expected: dict[str, Any]) -> None:
    """Kind, format and columns are those a person would write, and the crawl stage takes them."""
    Path(name).write_bytes(body)
    found = guessed(name)
    assert found == {"path": name, **expected}
    parse_sources([{"name": "x", "licence": "CC0-1.0", **found}])


def test_urls_are_files_or_websites() -> None:
    """A URL of a data file is downloaded, another crawled; what is not there is said to be missing."""
    assert guessed("https://example.org/docs/index.html") == {"kind": "site", "base": "https://example.org/docs/"}
    assert guessed("hf://datasets/o/n@" + "a" * 40 + "/x.parquet")["kind"] == "archive"
    assert guessed("https://example.org/x.tar.gz")["members"] == [{"match": "**"}]
    with pytest.raises(SourceError, match="no such file or folder"):
        guessed("nowhere.jsonl")


def test_a_dump_is_added_by_one_command(project: Path) -> None:
    """`gristmill source add NAME --from FILE` finds everything but the name and the licence; --kind still wins."""
    Path("w.xml.bz2").write_bytes(PACKERS["bz2"](WIKI))
    Path("params.yaml").write_text("crawl:\n  sources: []\n")
    Path("dvc.yaml").write_text("stages:\n  crawl:\n    cmd: x\n    deps: [stages]\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "catalog", "source", "add", "wiki", "--licence", "CC-BY-SA-4.0", "--from"]
    ran = subprocess.run([*command, "w.xml.bz2"], capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    (source,) = yaml.safe_load(Path("params.yaml").read_text())["crawl"]["sources"]
    assert source == {
        "name": "wiki", "licence": "CC-BY-SA-4.0", "kind": "files", "path": "w.xml.bz2", "format": "mediawiki",
    }  # fmt: skip
    assert "w.xml.bz2" in yaml.safe_load(Path("dvc.yaml").read_text())["stages"]["crawl"]["deps"]
