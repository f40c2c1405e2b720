"""Runs: what was trained on what, how it went, and how well it does.

GET   /runs?metric=                 scores over seeds, curves, models
GET   /runs/STAGE/RUN?after=        one of them: curves, what it read, confusions, documents it is wrong about
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from catalog.errors import UnknownError
from catalog.web.answers import Answered, Ask, Asking
from catalog.web.charts import interval, lines
from catalog.web.curves import Curve, beside, curves
from catalog.web.formats import address
from catalog.web.pages import shown

router = APIRouter(prefix="/runs")

ROWS = 40  # wrong predictions of a page
METRICS = """
SELECT metric, count(*) AS systems FROM scores WHERE slice = 'all' GROUP BY metric ORDER BY systems DESC, metric
"""
SCORES = """
SELECT system, runs, lowest, mean, highest FROM scores
WHERE slice = 'all' AND metric = $metric ORDER BY mean DESC, system
"""
MODELS = """
SELECT stage, table_name AS run, count(*) AS files, sum(bytes)::BIGINT AS bytes, any_value(fingerprint) AS fingerprint,
    list(path) FILTER (path LIKE '%.json') AS logs
FROM segments JOIN stages USING (stage)
WHERE stage IN ('pretrain', 'finetune') AND rows = 0 GROUP BY stage, run, position ORDER BY position, run
"""
READ = "SELECT stage, run, sum(documents)::BIGINT AS documents FROM @read GROUP BY ALL ORDER BY ALL"
PREDICTED = """
SELECT run, count(*) AS documents, count_if(correct) AS correct FROM predictions GROUP BY run ORDER BY correct DESC, run
"""
SOURCES = """
SELECT source, split, documents, characters FROM @read
WHERE stage = $stage AND run = $run ORDER BY documents DESC, source, split LIMIT 20
"""
INPUTS = """
SELECT input, count(*) AS files, count(DISTINCT logical) AS contents FROM lineage
WHERE fingerprint = $fingerprint GROUP BY input ORDER BY input
"""
CONFUSIONS = """
SELECT label AS truth, predicted, count(*) AS documents FROM predictions WHERE run = $run
GROUP BY ALL ORDER BY truth, predicted
"""
WRONG = """
SELECT predictions.id, label, predicted, title, uri FROM predictions JOIN documents USING (id)
WHERE run = $run AND NOT correct AND predictions.id > $after ORDER BY predictions.id LIMIT $limit
"""


@router.get("")
def runs(request: Request, ask: Ask, metric: str = "") -> Response:
    """All of them."""
    metrics = ask(METRICS)
    known = [row["metric"] for row in metrics.rows]
    metric = metric or ("accuracy" if "accuracy" in known else next(iter(known), ""))
    scores, models = ask(SCORES, metric=metric), ask(MODELS)
    read = {(row["stage"], row["run"]): row["documents"] for row in ask(READ).rows}
    return shown(
        request, "runs.html", ask, metric=metric, known=known, scores=scores, intervals=_intervals(scores),
        models=models, read=read, predicted=ask(PREDICTED), curves=_curves(models),
    )  # fmt: skip


def _intervals(scores: Answered) -> list[Any]:
    """A chart per row: the range over seeds, on a scale that all rows share."""
    if not scores.rows:
        return []
    start, stop = min(row["lowest"] for row in scores.rows), max(row["highest"] for row in scores.rows)
    room = (stop - start) * 0.04 or 0.05
    return [
        interval(row["lowest"], row["mean"], row["highest"], start - room, stop + room) for row in scores.rows
    ]  # fmt: skip


def _curves(models: Answered) -> list[tuple[str, Any, list[str]]]:
    """(what is shown, chart, systems in the order of their strokes), of the runs of each stage."""
    found = []
    for stage in dict.fromkeys(row["stage"] for row in models.rows):
        logs = {row["run"]: curves(row["logs"] or ()) for row in models.rows if row["stage"] == stage}
        for name, drawn in beside(logs).items():
            systems = list(dict.fromkeys(of for _, of in drawn))
            strokes = [systems.index(of) for _, of in drawn]
            found.append((f"{stage} · {name}", lines([line for line, _ in drawn], name, strokes), systems))
    return found


@router.get("/{stage}/{run:path}")
def run(request: Request, ask: Ask, stage: str, run: str, after: str = "") -> Response:
    """One run. Errors: InputError when there is none of that name."""
    model = next((row for row in ask(MODELS).rows if (row["stage"], row["run"]) == (stage, run)), None)
    confusions = ask(CONFUSIONS, run=run)
    wrong, last = ask.part(WRONG, ROWS, run=run, after=after)
    if model is None and not confusions.rows:
        raise UnknownError(f"{stage} has no run {run}; /runs lists them")
    names = sorted({row[side] for row in confusions.rows for side in ("truth", "predicted")})
    return shown(
        request, "run.html", ask, stage=stage, run=run, model=model,
        curves=_one(curves(model["logs"] or ()) if model else []),
        sources=ask(SOURCES, stage=stage, run=run), inputs=_inputs(ask, model), confusions=confusions, names=names,
        cells={(row["truth"], row["predicted"]): row["documents"] for row in confusions.rows},
        wrong=wrong, later=address(f"/runs/{stage}/{run}", after=last["id"]) if last else "",
    )  # fmt: skip


def _one(found: list[Curve]) -> list[tuple[str, Any]]:
    return [
        (name, lines([line for line, _ in drawn], name)) for name, drawn in beside({"": found}).items()
    ]  # fmt: skip


def _inputs(ask: Asking, model: dict[str, Any] | None) -> Answered:
    return ask(INPUTS, fingerprint=model["fingerprint"] if model else "")
