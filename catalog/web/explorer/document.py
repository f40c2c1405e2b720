"""One document: what was captured beside what it became, and its way through every stage to the models.

GET   /documents/ID
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalog.errors import UnknownError
from catalog.lineage.document import rules_of
from catalog.params import PARAMS_FILE
from catalog.sql.placing import key_of
from catalog.web.answers import Ask, Row
from catalog.web.background import Background
from catalog.web.differences import Piece, differences, kept_in
from catalog.web.pages import shown
from catalog.web.texts import Text, captured, cleaned

router = APIRouter()

PLACE = "SELECT place, measured FROM @facets WHERE id = $id"
DOCUMENT = "FROM judged_documents WHERE rowid = $place AND id = $id"
VERDICTS = """
SELECT stage, outcome, reason FROM (
    SELECT stage, if(drop_reason IS NULL, 'kept', 'dropped') AS outcome, drop_reason AS reason
    FROM verdicts WHERE id = $id
    UNION ALL
    SELECT stage, 'quarantined' AS outcome, error AS reason FROM quarantine WHERE id = $id
) JOIN stages USING (stage) ORDER BY position
"""
FETCHES = """
SELECT fetched_at, outcome, status, body_digest FROM fetches
WHERE uri = $uri AND source = $source ORDER BY fetched_at DESC LIMIT 10
"""
SIGNALS = "FROM signals WHERE rowid = $measured AND id = $id"
DECLARED = "SELECT signal, value FROM declared_signals WHERE id = $id ORDER BY signal"
UNITS = "SELECT column_name, unit FROM columns WHERE table_name = 'signals'"
CLUSTER = """
SELECT cluster, representative, similarity, copies,
    (SELECT count(*) FROM clusters AS others WHERE others.cluster = clusters.cluster) AS members
FROM clusters WHERE id = $id
"""
CUTS = "SELECT level, start, stop, of AS id, effect FROM cuts WHERE id = $id ORDER BY start"
RIGHTS = "SELECT signal, value, place, refuses FROM rights WHERE id = $id ORDER BY ALL"
VOTES = "SELECT task, annotator, label, score, about FROM votes WHERE id = $id ORDER BY task, annotator, about"
LABELS = "SELECT task, label, method, confidence, votes, drop_reason FROM labels WHERE id = $id ORDER BY task"
USE = """
SELECT (SELECT split FROM splits WHERE id = $id) AS split, (SELECT sum(tokens) FROM tokens WHERE id = $id) AS tokens
"""
CHILDREN = """
SELECT children.id AS child, task, operator, seed, label, drop_reason
FROM children LEFT JOIN child_verdicts USING (id) WHERE parent = $id ORDER BY task, operator, seed LIMIT 50
"""
MODELS = "SELECT stage, run, times FROM exposure JOIN stages USING (stage) WHERE id = $id ORDER BY position, run"
PREDICTIONS = "SELECT run, label, predicted, correct FROM predictions WHERE id = $id ORDER BY run"
FILES = """
SELECT stage, table_name, path, operator, fingerprint FROM segments JOIN stages USING (stage)
WHERE key = $key AND rows > 0 ORDER BY position, table_name, path
"""
RULES: Background[list[Row]] = Background()
PARTS = {
    "verdicts": VERDICTS, "declared": DECLARED, "cluster": CLUSTER, "cuts": CUTS, "rights": RIGHTS, "votes": VOTES,
    "labels": LABELS, "use": USE, "children": CHILDREN, "models": MODELS, "predictions": PREDICTIONS,
}  # fmt: skip


@router.get("/documents/{id}")
def document(request: Request, ask: Ask, id: str) -> Response:
    """All that is known of one document. Errors: InputError when there is none of that id."""
    at = ask(PLACE, id=id)
    if not at.rows:
        raise UnknownError(f"no document has the id {id}; search for it by its URI at /documents")
    found = ask(DOCUMENT, id=id, place=at.first["place"])
    row, place = found.first, at.first["place"]
    parts: dict[str, Any] = {name: ask(sql, id=id) for name, sql in PARTS.items()}
    signals = ask(SIGNALS, id=id, measured=at.first["measured"])
    units = {unit["column_name"]: unit["unit"] for unit in ask(UNITS).rows}
    measured = [(name, value, units.get(name, "")) for one in signals.rows for name, value in one.items()
                if name != "id"]  # fmt: skip
    measured += [(one["signal"], one["value"], "") for one in parts["declared"].rows]
    before, after = captured(id, place, row["charset"], row["mime"]), cleaned({id: place})[id]
    rules = _rules(row["source"], row["language"] or "und")
    return shown(
        request, "document.html", ask, found=found, row=row, fetches=ask(FETCHES, uri=row["uri"], source=row["source"]),
        signals=signals, measured=measured, before=before, after=after,
        rules=rules, broken={name for name, value, _ in measured if _breaks(value, (rules or {}).get(name, []))},
        pieces=_pieces(before, after),
        files=ask(FILES, key=key_of(place)),
        verdict=next((one for one in parts["verdicts"].rows if one["outcome"] != "kept"), None), **parts,
    )  # fmt: skip


def _pieces(before: Text, after: Text) -> tuple[list[Piece], list[Piece]] | None:
    """Both texts with what is different in them, or with what was kept of markup; None where one is not here."""
    if not before.shown or not after.shown:
        return None
    if before.markup:
        return kept_in(before.shown, after.shown), []
    return differences(before.shown, after.shown)


def _rules(source: str, language: str) -> dict[str, list[Row]] | None:
    """Signal -> the rules on it that judge such documents by today's params.yaml; None while they are being read."""
    written = PARAMS_FILE.stat().st_mtime_ns if PARAMS_FILE.exists() else 0
    found = RULES.get((source, language, written), lambda: rules_of(source, language))
    if found is None:
        return None
    return {one["signal"]: [rule for rule in found if rule["signal"] == one["signal"]] for one in found}


def _breaks(value: float | None, rules: list[Row]) -> bool:
    """Does a value break one of some rules?"""
    return value is not None and any(
        value > rule["threshold"] if rule["side"] == "at most" else value < rule["threshold"] for rule in rules
    )
