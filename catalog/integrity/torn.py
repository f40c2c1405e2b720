"""Torn: the two files that DVC writes in place. If it is killed in that moment, no DVC command can read them any more.

Reads   dvc.lock, .dvc/tmp/rwlock
Writes  with a repair: dvc.lock as git has it, or none; no .dvc/tmp/rwlock. What dvc.lock knew of finished stages is
        found again by the next `dvc repro`, through the journal and the manifests; rwlock names running processes only.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml

from catalog.errors import InputError

LOCK, RUNNING = Path("dvc.lock"), Path(".dvc/tmp/rwlock")
CONFLICT = "<<<<<<<"


def torn() -> list[Path]:
    """The files that are half-written; one with a merge conflict is not."""
    return [path for path, whole in ((LOCK, _is_lock), (RUNNING, _is_json)) if path.exists() and not whole(path)]


def refuse_torn() -> None:
    """Errors: InputError naming the half-written files and the command that mends them."""
    if found := torn():
        names = " and ".join(map(str, found))
        raise InputError(f"DVC was killed while it wrote {names}; `gristmill fsck --repair` mends that")


def mend_torn() -> list[str]:
    """Put the files right and say how; no DVC may run."""
    done = []
    for path in torn():
        kept = subprocess.run(["git", "show", f"HEAD:./{path}"], capture_output=True, check=False)
        if path == LOCK and kept.returncode == 0:
            path.write_bytes(kept.stdout)
            done.append(f"{path}: as git has it, it was half-written")
        else:
            path.unlink()
            done.append(f"{path}: deleted, it was half-written")
    return done


def _is_lock(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return CONFLICT in text
    return CONFLICT in text or (isinstance(found, dict) and "schema" in found and isinstance(found.get("stages"), dict))


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8", errors="replace")), dict)
    except ValueError:
        return False
