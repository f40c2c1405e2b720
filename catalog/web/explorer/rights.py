"""Rights: what sites say of the use of their pages, what was left out for it, and requests to forget.

GET   /rights                  signals, licences, tombstones
GET   /rights?kind=&name=      and what would go with documents: by URI or id, domain, author, pattern or source
POST  /rights/forget           carry it out (form: kind, name, reason); `gristmill audit` is to follow

What goes is what `gristmill forget` would say (catalog/erasure).
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from catalog.erasure.forget import read_tombstones
from catalog.erasure.plan import ForgetPlan, plan
from catalog.erasure.requests import carry_out
from catalog.erasure.selecting import Asked, choose
from catalog.errors import GristmillError, InputError
from catalog.web.answers import Ask
from catalog.web.formats import address
from catalog.web.labelling.routes import form
from catalog.web.pages import shown

router = APIRouter(prefix="/rights")

SIGNALS = """
SELECT signal, value, place, refuses, count(DISTINCT id) AS documents FROM rights
GROUP BY ALL ORDER BY refuses DESC, documents DESC, signal, value, place LIMIT 40
"""
DROPPED = "SELECT stage, drop_reason, documents FROM @reasons WHERE drop_reason LIKE 'rights:%' ORDER BY ALL"
LICENCES = """
SELECT licence, count(*) AS sources, sum(documents)::BIGINT AS documents, sum(characters)::BIGINT AS characters
FROM @licences GROUP BY licence ORDER BY documents DESC, licence LIMIT 40
"""
KINDS = ("names", "domains", "authors", "patterns", "sources")
"""Fields of a request (catalog/erasure/selecting.py) that a reader can fill."""
SHOWN = 50  # documents that are listed


@router.get("")
def rights(request: Request, ask: Ask, kind: str = "names", name: str = "", forgotten: int = -1) -> Response:
    """What is known of rights; and what would go with some documents."""
    going, said = None, ""
    if name.strip():
        try:
            going = _plan(kind, name)
        except GristmillError as error:
            said = str(error)
    stones = read_tombstones()
    return shown(
        request, "rights.html", ask, kind=kind, kinds=KINDS, name=name, going=going, said=said, forgotten=forgotten,
        listed=list(going.chosen.documents.items())[:SHOWN] if going else [], signals=ask(SIGNALS),
        dropped=ask(DROPPED), licences=ask(LICENCES), stones=stones,
        reasons=Counter(stone.reason for stone in stones).most_common(),
    )  # fmt: skip


def _plan(kind: str, name: str) -> ForgetPlan:
    """What goes with the documents that each line names. Errors: GristmillError."""
    if kind not in KINDS:
        raise InputError(f"a request is by {', '.join(KINDS)}, not by {kind}")
    lines = tuple(dict.fromkeys(line.strip() for line in name.splitlines() if line.strip()))
    request: dict[str, Any] = {kind: lines}
    return plan(choose(Asked(**request)))


@router.post("/forget")
def bury(fields: Annotated[dict[str, str], Depends(form)]) -> Response:
    """Carry a request out. Errors: InputError without a name or a reason; GristmillError for a wrong name."""
    name, reason = fields.get("name", ""), fields.get("reason", "").strip()
    if not name.strip() or not reason:
        raise InputError("a request to forget needs a name, and a reason that is kept beside the tombstone")
    fresh = carry_out(_plan(fields.get("kind", ""), name), reason)
    return RedirectResponse(address("/rights", forgotten=len(fresh)), 303)
