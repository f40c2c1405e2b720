"""Versions: what was built and committed, and what became different between two.

GET   /versions                          the newest, by the commit that locked them
GET   /versions/diff?before=&after=      documents, outcomes, labels, metrics, and by which parameter, source or code

A list shows what manifests at hand say; a comparison reads two catalogs, beside the page (catalog/web/background.py).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalog.errors import GristmillError
from catalog.history import changes
from catalog.history.versions import Version, commit_of, entries_here, versions_with
from catalog.web.answers import Answered, Ask
from catalog.web.background import Background
from catalog.web.pages import shown

router = APIRouter(prefix="/versions")

MOST = 50  # versions of the list
QUESTIONS = {
    "documents": changes.DOCUMENTS, "outcomes": changes.OUTCOMES, "labels": changes.LABELS, "metrics": changes.METRICS,
}  # fmt: skip
COMPARED: Background[changes.Changes] = Background()


@router.get("")
def versions(request: Request) -> Response:
    """The list, newest first."""
    rows = [asdict(version) | _figures(version.commit) for version in _newest(MOST)]
    return shown(request, "versions.html", rows=rows)


def _figures(commit: str) -> dict[str, int | None]:
    """Rows by table of a version's catalog, and its bytes; none where its manifest is not at hand."""
    entries = entries_here(commit, "catalog")
    if not entries:
        return dict.fromkeys(("documents", "labels", "clusters", "bytes"))
    counted: dict[str, int | None] = {
        table: sum(entry.rows for entry in entries if entry.table == table)
        for table in ("documents", "labels", "clusters")
    }
    return counted | {"bytes": sum(entry.bytes for entry in entries)}


@router.get("/diff")
def diff(request: Request, ask: Ask, before: str = "", after: str = "") -> Response:
    """What came between two versions; without `after`, since `before`. Errors: InputError for one that is unknown."""
    before = before or next((version.commit for version in _newest(1)), "")
    if not before:
        return shown(request, "versions.html", rows=[])
    old, new = commit_of(before), commit_of(after) if after else ""
    found = COMPARED.get((old, new or ask.stamp), lambda: changes.changes(old, new))
    asked: dict[str, Answered] = {}
    if found is not None:
        asked = {name: _answered(sql, getattr(found, name)) for name, sql in QUESTIONS.items()}
    return shown(
        request, "diff.html", before=before, after=after, old=old, found=found, asked=asked,
    )  # fmt: skip


def _newest(last: int) -> list[Version]:
    """So many versions; none outside a git repository or before the first commit of a build."""
    try:
        return versions_with("catalog", last)
    except GristmillError:
        return []


def _answered(sql: str, rows: list[dict[str, Any]]) -> Answered:
    """The rows of a comparison, with what was asked of both versions."""
    names = tuple(rows[0]) if rows else ()
    numbers = frozenset(name for name in names if any(isinstance(row[name], int | float) for row in rows))
    return Answered(sql=sql.strip(), names=names, rows=rows, numbers=numbers)
