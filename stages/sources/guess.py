"""A path or URL -> the settings of a source of it, as far as its name and its first bytes tell.

Run     python -m stages.sources.guess WHERE    prints them as JSON (`gristmill source add NAME --from WHERE`)
What cannot be told is left out, and the crawl stage says what is missing.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

from catalog.errors import SourceError, exit_on_error
from stages.sources.formats import Broken, UnreadableFile
from stages.sources.formats.names import EXTENSIONS
from stages.sources.packed import UNREADABLE, TooLarge, packing, unpacked, unpacked_name
from stages.sources.settings.reading import TABLES

ARCHIVES = (".zip", ".whl", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z")
STARTS = (
    (re.compile(rb"<mediawiki\b"), "mediawiki"),
    (re.compile(rb"<(?:posts|comments)>"), "stackexchange"),
    (re.compile(rb"\AFrom \S"), "mbox"),
)
COLUMNS = {
    "text": ("text", "content", "body", "selftext", "data.body", "document", "article"),
    "id": ("id", "doc_id", "_id", "name"),
    "title": ("title", "data.title", "headline"),
    "author": ("author", "user", "username"),
    "published_at": ("published_at", "created_utc", "date", "created_at", "timestamp"),
}
"""Names under which data sets hold a column, the likeliest first."""
SEEN = 4096  # bytes in which a dump says what it is
TAKEN_AWAY = ["[deleted]", "[removed]"]


def guessed(where: str) -> dict[str, Any]:
    """Settings of a source. Errors: SourceError for a path that is not there."""
    packed_name = where.partition("?")[0].lower()
    if where.startswith(("http://", "https://", "hf://", "file://")):
        return _of_url(where, packed_name)
    path = Path(where)
    if not path.exists() and not any(sign in where for sign in "*?["):
        raise SourceError(f"{where}: no such file or folder; put it into the repository first")
    if packed_name.endswith(ARCHIVES):
        return {"kind": "archive", "path": where, "members": [_member(where)]}
    return {"kind": "files", "path": where} | (_of_file(path) if path.is_file() else {})


def _of_url(url: str, name: str) -> dict[str, Any]:
    """A file that is downloaded, or a website."""
    if name.endswith(ARCHIVES) or unpacked_name(name).rpartition(".")[2] in EXTENSIONS.keys() - {"html", "htm", "xml"}:
        return {"kind": "archive", "url": url, "members": [_member(url)]}
    if url.startswith(("hf://", "file://")):
        return {"kind": "archive", "url": url, "members": [_member(url)]}
    return {"kind": "site", "base": url if url.endswith("/") else url.rpartition("/")[0] + "/"}


def _member(where: str) -> dict[str, Any]:
    """What to read of an archive: all of it, or the posts of a StackExchange dump."""
    if re.search(r"stackexchange|stackoverflow", where) and where.endswith(".7z"):
        return {"match": "Posts.xml", "format": "stackexchange"}
    kind = EXTENSIONS.get(unpacked_name(where).rpartition(".")[2].lower())
    return {"match": "**"} | ({"columns": {"text": "text"}} if kind in TABLES else {})


def _of_file(path: Path) -> dict[str, Any]:
    """Format and columns, by the first bytes of a file."""
    with path.open("rb") as stream:
        start = stream.read(8)
        stream.seek(0)
        try:
            inside = unpacked(stream, packing(start), 200)
            first = inside.peek(SEEN)  # type: ignore[attr-defined]
            for pattern, kind in STARTS:
                if pattern.search(first[:SEEN]):
                    return {"format": kind}
            kind = EXTENSIONS.get(unpacked_name(path.name).rpartition(".")[2].lower(), "")
            return _of_table(_names(inside, kind)) if kind in TABLES else {}
        except (TooLarge, UnreadableFile, *UNREADABLE) as error:
            raise SourceError(f"{path}: {error}; is the file whole?") from None


def _names(stream: Any, kind: str) -> list[str]:
    """The columns of a table, those within others with dots."""
    if kind in ("json", "jsonl"):
        from stages.sources.formats.json_records import json_lines, json_values

        found = (json_lines if kind == "jsonl" else json_values)(stream)
        records = (one for one in itertools.islice(found, 100) if not isinstance(one, Broken))
        return _dotted(next(records, {}))
    if kind in ("parquet", "arrow"):
        return _arrow_names(stream, kind)
    header = stream.readline(1 << 20).decode("utf-8-sig", "replace").rstrip("\r\n")
    return [cell.strip('"') for cell in header.split("," if kind == "csv" else "\t")]


def _dotted(record: dict[Any, Any]) -> list[str]:
    inner = [f"{name}.{key}" for name, value in record.items() if isinstance(value, dict) for key in value]
    return [str(name) for name in record] + inner


def _arrow_names(stream: Any, kind: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if kind == "parquet":
            return pq.read_schema(stream.raw.stream.raw.stream).names
        return pa.ipc.open_stream(stream).schema.names
    except pa.ArrowException:
        return []


def _of_table(names: list[str]) -> dict[str, Any]:
    """The mapping of columns; nothing where none looks like a text."""
    found = {field: next((name for name in likely if name in names), None) for field, likely in COLUMNS.items()}
    if found["text"] is None:
        return {}
    columns = {field: name for field, name in found.items() if name and name != found["text"]}
    reddit = {"absent": TAKEN_AWAY} if {"subreddit", "created_utc"} <= set(names) else {}
    return {"columns": {"text": found["text"], **columns}} | reddit


def main() -> None:
    """Print the settings of one source."""
    print(json.dumps(guessed(sys.argv[1]), ensure_ascii=False))


if __name__ == "__main__":
    exit_on_error(main)
