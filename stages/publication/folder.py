"""The folder of an export: written beside and then renamed, with a record of what it holds and how it was asked for.

Writes  DIR/export.json: form, selection, columns, digest of the catalog, account of the documents, files with digests
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.layout import MANIFEST, stage_root
from stages.publication.rows import Columns
from stages.publication.selection import Selection
from stages.publication.shards import Shard

RECORD = "export.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What an exported folder holds."""

    form: str
    selection: Selection
    columns: Columns
    catalog: str
    """sha256 of the catalog's manifest: the version of the data."""
    account: Mapping[str, int]
    """Documents by what became of them, as `selection.account` gives it."""
    files: tuple[Shard, ...]

    def write(self, folder: Path) -> None:
        """Write the record into a folder."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        (folder / RECORD).write_text(f"{text}\n", encoding="utf-8")


def unexported(account: Mapping[str, int]) -> Record:
    """Of the catalog as it is, without any file."""
    return Record(
        form="", selection=Selection(), columns=Columns(), catalog=catalog_digest(), account=account, files=()
    )


def read_record(folder: Path) -> Record | None:
    """The record of an exported folder; None where it holds no export. Errors: InputError for a broken one."""
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        selection, columns = (_tuples(found.pop(name)) for name in ("selection", "columns"))
        files = tuple(Shard(**one) for one in found.pop("files"))
        return Record(selection=Selection(**selection), columns=Columns(**columns), files=files, **found)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} cannot be read ({error}); export again") from None


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def catalog_digest() -> str:
    """The version of the data: sha256 of the catalog's manifest."""
    return file_sha256(stage_root("catalog") / MANIFEST)


@contextmanager
def replacing(folder: Path, mark: str = RECORD) -> Iterator[Path]:
    """A folder beside `folder`, which takes its place at the end. Errors: InputError where it holds something else.

    `mark` is the file by which a folder of ours is known; only such a one, or an empty one, is replaced.
    """
    if folder.exists() and not (folder.is_dir() and ((folder / mark).is_file() or not any(folder.iterdir()))):
        raise InputError(f"{folder} exists and is no export; name a folder that is new or empty")
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        shutil.rmtree(folder, ignore_errors=True)
        beside.replace(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
