"""Labels: what was decided by whom, how far people agree, and where they do not.

GET   /labels                   the tasks, and are they fit for training?
GET   /labels/TASK?after=       classes by split, agreement, annotators, functions, confusions, documents in dispute
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalog.errors import UnknownError
from catalog.web.answers import Answered, Ask
from catalog.web.formats import address
from catalog.web.pages import shown

router = APIRouter(prefix="/labels")

ROWS = 30  # documents in dispute of a page
TASKS = "FROM tasks ORDER BY labelled DESC, task"
TASK = "FROM tasks WHERE task = $task"
CLASSES = """
PIVOT (FROM balance WHERE task = $task) ON split IN ('train', 'validation', 'test', 'all') USING any_value(units)
GROUP BY class ORDER BY "all" DESC, class LIMIT 40
"""
DROPPED = """
SELECT drop_reason, count(*) AS documents FROM labels WHERE task = $task AND drop_reason IS NOT NULL
GROUP BY drop_reason ORDER BY documents DESC, drop_reason
"""
AGREEMENT = "SELECT scope, metric, value, items, annotators FROM agreement WHERE task = $task ORDER BY scope, metric"
ANNOTATORS = """
SELECT annotator, documents, checked, correct, accuracy FROM annotators WHERE task = $task
ORDER BY documents DESC, annotator LIMIT 20
"""
FUNCTIONS = """
SELECT function, documents, covered, "overlaps", conflicts, checked, correct FROM functions
WHERE task = $task ORDER BY covered DESC, function
"""
CONFUSIONS = """
SELECT truth, said, avg(share)::INTEGER AS share FROM confusions WHERE task = $task
GROUP BY truth, said ORDER BY truth, said
"""
OVERLAPS = """
SELECT measure, split, other_split, found, "left" FROM split_checks WHERE task = $task
ORDER BY measure, split, other_split
"""
DISPUTED = """
WITH page AS (
    SELECT id, any_value(label) AS label, any_value(drop_reason) AS drop_reason, min(confidence) AS confidence,
        any_value(votes) AS votes
    FROM labels WHERE task = $task AND votes > 1 AND confidence < 1000
    GROUP BY id HAVING (min(confidence), id) > ($least, $after) ORDER BY confidence, id LIMIT $limit
)
SELECT id, title, uri, label, drop_reason, confidence, votes FROM page JOIN documents USING (id) ORDER BY confidence, id
"""


@router.get("")
def labels(request: Request, ask: Ask) -> Response:
    """The tasks."""
    return shown(request, "labels.html", ask, tasks=ask(TASKS))


@router.get("/{task}")
def task(request: Request, ask: Ask, task: str, least: int = -1, after: str = "") -> Response:
    """One task. Errors: InputError when there is none of that name."""
    about = ask(TASK, task=task)
    if not about.rows:
        raise UnknownError(f"the catalog has no task {task}; /labels lists them")
    disputed, last = ask.part(DISPUTED, ROWS, task=task, least=least, after=after)
    later = address(f"/labels/{task}", least=last["confidence"], after=last["id"]) if last else ""
    confusions = ask(CONFUSIONS, task=task)
    return shown(
        request, "task.html", ask, about=about, classes=ask(CLASSES, task=task), dropped=ask(DROPPED, task=task),
        agreement=ask(AGREEMENT, task=task), annotators=ask(ANNOTATORS, task=task), functions=ask(FUNCTIONS, task=task),
        confusions=confusions, names=_names(confusions), cells=_cells(confusions), overlaps=ask(OVERLAPS, task=task),
        disputed=disputed, later=later,
    )  # fmt: skip


def _names(confusions: Answered) -> list[str]:
    """The classes of a matrix."""
    return sorted({row[side] for row in confusions.rows for side in ("truth", "said")})


def _cells(confusions: Answered) -> dict[tuple[str, str], int]:
    return {(row["truth"], row["said"]): row["share"] for row in confusions.rows}
