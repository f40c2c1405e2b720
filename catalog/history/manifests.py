"""Versions, found through git and DVC: which manifests were ever locked, and what they record.

Reads   dvc.lock of the working tree and of every commit, DVC's run cache, and DVC's object store.
The journal is a projection of these: delete it, and the next run reads them again. So `dvc pull` alone hands a
colleague both the records and the bytes.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import yaml

from catalog.errors import InputError
from catalog.incremental.journal import Journal, Output, Result
from catalog.layout import MANIFEST, dvc_store, stage_root
from catalog.segments import Entry, read_manifest, recipes_of

DIRECTORY = re.compile(r"^[ -]*md5: ([0-9a-f]{32})\.dir$", re.MULTILINE)
LOCK = Path("dvc.lock")


def index_history(journal: Journal) -> int:
    """Read every manifest not read before into `journal`; the number read.

    A directory whose listing or manifest is not here yet (nobody pulled it) is tried again next time.
    """
    _note_locked(journal)
    store = dvc_store()
    count = 0
    for directory in journal.unread_directories():
        manifest = _readable(store, directory)
        if manifest is None:
            continue
        journal.record(_results(manifest), recipes_of(manifest))
        journal.mark_read(directory)
        count += bool(manifest)
    return count


def previous_manifest(stage: str) -> list[Entry]:
    """The manifest of the stage's last run: from its folder, or through dvc.lock; empty when there is none."""
    path = stage_root(stage) / MANIFEST
    if path.exists():
        with contextlib.suppress(InputError):  # of another version of Gristmill, or broken: as if there were none
            return read_manifest(path)
    if not LOCK.exists():
        return []
    locked = (yaml.safe_load(LOCK.read_text(encoding="utf-8")) or {}).get("stages", {}).get(stage, {})
    for out in locked.get("outs", []):
        if out.get("path") == str(stage_root(stage)) and str(out.get("md5", "")).endswith(".dir"):
            return manifest_of(dvc_store(), out["md5"].removesuffix(".dir"))
    return []


def _note_locked(journal: Journal) -> None:
    """Note every directory output that was ever locked: working tree, run cache, git history."""
    for path in [LOCK, *sorted(dvc_store().parent.parent.glob("runs/*/*/*"))]:
        if path.is_file():
            journal.note_directories(DIRECTORY.findall(path.read_text(encoding="utf-8")))
    blobs = journal.unseen_blobs(_locked_blobs())
    if blobs:
        locks = _git("cat-file", "--batch", text="".join(f"{blob}\n" for blob in blobs))
        journal.note_directories(DIRECTORY.findall(locks), blobs)


def _locked_blobs() -> list[str]:
    """Blobs of dvc.lock in every commit of every branch; empty outside git."""
    lines = _git("log", "--all", "-m", "--format=", "--raw", "--no-abbrev", "--", str(LOCK)).splitlines()
    blobs = [line.split()[3] for line in lines if line.startswith(":")]
    return [blob for blob in dict.fromkeys(blobs) if blob.strip("0")]


def _git(*arguments: str, text: str = "") -> str:
    done = subprocess.run(["git", *arguments], input=text, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def _object(store: Path, directory: str) -> Path:
    return store / directory[:2] / f"{directory[2:]}.dir"


def manifest_of(store: Path, directory: str) -> list[Entry]:
    """The manifest inside a directory object of DVC's store; empty when it is not one of ours, or not here."""
    return _readable(store, directory) or []


def _readable(store: Path, directory: str) -> list[Entry] | None:
    """The manifest inside a directory object; empty when it has none of ours, None when its bytes are not here."""
    try:
        listing = json.loads(_object(store, directory).read_bytes())
        md5 = next((item["md5"] for item in listing if item["relpath"] == MANIFEST), None)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    path = store / md5[:2] / md5[2:] if md5 else None
    if path is None or not path.exists():
        return None if path else []
    try:
        return read_manifest(path)
    except InputError:
        return []


def _results(entries: Iterable[Entry]) -> Iterator[tuple[str, Result]]:
    """The result of each action in a manifest."""
    ordered = sorted(entries, key=lambda entry: (entry.fingerprint, entry.action, entry.part))
    for fingerprint, group in groupby(ordered, key=lambda entry: entry.fingerprint):
        parts = list({entry.part: entry for entry in reversed(list(group))}.values())
        parts.sort(key=lambda entry: entry.part)
        outputs = tuple(output_of(entry) for entry in parts)
        if parts[0].inputs is not None:
            result = Result(operator=parts[0].operator, recipe=parts[0].recipe, inputs=parts[0].inputs, outputs=outputs)
            yield fingerprint, result


def output_of(entry: Entry) -> Output:
    """What a manifest says of one file, as the journal says it."""
    entry = entry.made
    segment = entry.rows > 0 or entry.path.startswith(f"{entry.table}/{entry.sha256[:32]}")
    return Output(
        table=entry.table, key=entry.key, name=None if segment else entry.path.removeprefix(f"{entry.table}/"),
        rows=entry.rows, bytes=entry.bytes, sha256=entry.sha256, md5=entry.md5, logical=entry.logical,
    )  # fmt: skip
