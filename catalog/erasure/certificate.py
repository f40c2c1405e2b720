"""Certificate: what was asked to be forgotten, where it was looked for, and that nothing was found.

Writes  certificate.json and certificate.md into a folder, and with a key certificate.json.sig. No byte of a forgotten
        content stands in them: documents are named by the ids of their tombstones, which are digests.
The JSON carries the sha256 of its own canonical form without that field, so that a change shows; a signature says who
vouches for it: `ssh-keygen -Y verify -f SIGNERS -I WHO -n gristmill -s certificate.json.sig < certificate.json`.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.digests import digest_of, file_sha256
from catalog.erasure.forget import Tombstone
from catalog.erasure.ledger import Ledger, Trained
from catalog.erasure.search import Report
from catalog.errors import GristmillError, InputError
from catalog.history.manifests import LOCK
from catalog.integrity.references import git
from catalog.sql.asking import query

FORMAT = 1  # of the JSON
NAMESPACE = "gristmill"  # of the signature
LIMITS = (
    "Weights of models that were trained before, and copies of any version that someone pulled, cloned, exported or "
    "published elsewhere, are outside what was searched.",
    "Documents that were looked for by id and address alone had too little text to be told by it, or were forgotten in "
    "another clone.",
    "What a document that stays says too is not counted as remains; such documents are listed under `shared`.",
    "A remote that is not `listed` cannot say what it has: the objects that git's history names were looked for in it.",
)


def certificate(report: Report, stones: Collection[Tombstone], ledger: Ledger) -> dict[str, Any]:
    """A certificate of absence. Errors: GristmillError when the search found something."""
    if report.remains:
        raise GristmillError(f"{len(report.remains)} places hold something of what was forgotten; no certificate")
    purged, versions = ledger.purged()
    said: dict[str, Any] = {
        "certificate": "absence of forgotten documents",
        "format": FORMAT,
        "issued_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "gristmill": importlib.metadata.version("gristmill"),
        "commit": git("rev-list", "--all", "-n1") and git("rev-parse", "HEAD").strip(),
        "dvc_lock_sha256": file_sha256(LOCK) if LOCK.exists() else "",
        "forgotten": [
            {"id": stone.id, "kind": "host" if stone.host else "document", "reason": stone.reason} for stone in stones
        ],
        "looked_for": {
            "by_id": len(report.documents),
            "by_content": report.by_content,
            "unread": ledger.unread(),
        },
        "searched": [
            {
                "place": one.place,
                "things": one.things,
                "bytes": one.bytes,
                "same_as_local": one.same,
                "listed": one.listed,
            }
            for one in report.searched
        ],
        "found": len(report.remains),
        "shared": list(report.shared),
        "purged": {"objects": purged, "versions": versions},
        "models": [_model(one) for one in ledger.exposed(report.documents)],
        "limits": list(LIMITS),
    }
    return said | {"sha256": digest_of(said)}


def _model(trained: Trained) -> dict[str, Any]:
    """A model that had read forgotten documents, and what became of it."""
    now = _fingerprints().get((trained.stage, trained.run))
    state = "gone" if now is None else "the same" if now == trained.fingerprint else "trained again"
    return {"stage": trained.stage, "run": trained.run, "documents": trained.documents, "now": state}


def _fingerprints() -> dict[tuple[str, str], str]:
    """(stage, name of a build) -> the action that made it; nothing where there is no catalog."""
    try:
        rows = query("SELECT DISTINCT stage, table_name, fingerprint FROM segments").table().to_pylist()
    except InputError:
        return {}
    return {(row["stage"], row["table_name"]): row["fingerprint"] for row in rows}


def write_certificate(said: dict[str, Any], folder: Path, key: Path | None = None) -> list[Path]:
    """Write a certificate, signed with an SSH key where one is given; the files. Errors: GristmillError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / "certificate.json", folder / "certificate.md"]
    paths[0].write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    paths[1].write_text("\n".join(_page(said)) + "\n", encoding="utf-8")
    if key is None:
        return paths
    signature = paths[0].with_suffix(".json.sig")
    signature.unlink(missing_ok=True)  # ssh-keygen would ask before it writes over it
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(paths[0])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise GristmillError("ssh-keygen is not installed, and it signs; the certificate is written unsigned") from None
    if done.returncode:
        raise GristmillError(f"{key} cannot sign: {done.stderr.strip()}; the certificate is written unsigned")
    return [*paths, signature]


def is_whole(said: dict[str, Any]) -> bool:
    """Is a certificate as it was written?"""
    rest = {name: value for name, value in said.items() if name != "sha256"}
    return bool(said.get("sha256") == digest_of(rest))


def _page(said: dict[str, Any]) -> Iterator[str]:
    yield "# Certificate of absence\n"
    yield f"Issued {said['issued_at']} by Gristmill {said['gristmill']}, at commit `{said['commit'] or 'none'}`.\n"
    yield "## Forgotten\n"
    yield from _table(("tombstone", "kind", "reason"), said["forgotten"], ("id", "kind", "reason"))
    counts = said["looked_for"]
    yield f"\n## Searched, and found {said['found']}\n"
    yield f"{counts['by_id']} looked for by id and address, {counts['by_content']} of them by their content too.\n"
    if counts["unread"]:
        paths = ", ".join(counts["unread"])
        yield f"Could not be read when it was forgotten, so what it said is not looked for: {paths}.\n"
    names = ("place", "things", "bytes", "same_as_local", "listed")
    titles = ("place", "files and objects", "bytes read", "known by digest", "listed")
    yield from _table(titles, said["searched"], names)
    if said["shared"]:
        yield f"\nDocuments that stay and say some of the same: {', '.join(said['shared'])}."
    versions = ", ".join(said["purged"]["versions"]) or "none"
    yield f"\nPurged: {said['purged']['objects']} objects; versions that lack some outputs for it: {versions}."
    if said["models"]:
        yield "\n## Models that had read them\n"
        yield from _table(("stage", "run", "documents", "now"), said["models"], ("stage", "run", "documents", "now"))
    yield "\n## What this does not say\n"
    yield from (f"- {limit}" for limit in said["limits"])
    yield f"\nsha256 of the JSON without this field: `{said['sha256']}`"


def _table(titles: Iterable[str], rows: Iterable[dict[str, Any]], names: Collection[str]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(names)}"
    yield from (f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in rows)


def _cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
