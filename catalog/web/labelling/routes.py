"""The pages of labelling, each with an address of its own.

GET   /label                         tasks, their open rounds, and a form to start one
POST  /label/TASK                    start a round (form: annotator, budget, by)
GET   /label/TASK/ROUND              go to the first open question
GET   /label/TASK/ROUND/N            question N, from 1
POST  /label/TASK/ROUND/N            an answer: JSON {label, skipped}
POST  /label/TASK/ROUND/import       take the answers in
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import RedirectResponse, Response

from catalog.errors import InputError
from catalog.web.labelling import rounds
from catalog.web.pages import shown

labelling = APIRouter(prefix="/label")


async def form(request: Request) -> dict[str, str]:
    """The fields of a form that was sent."""
    sent = parse_qs((await request.body()).decode())
    return {name: values[-1] for name, values in sent.items()}


@labelling.get("")
def overview(request: Request) -> Response:
    """The tasks that people can answer."""
    asked = [(task, rounds.rounds(task.name)) for task in rounds.tasks()]
    return shown(request, "label.html", asked=asked, orders=rounds.ORDERS)


@labelling.post("/{task}")
def start(task: str, fields: Annotated[dict[str, str], Depends(form)]) -> Response:
    """Start a round, and go to its first question."""
    budget = fields.get("budget", "")
    if not budget.isascii() or not budget.isdigit() or not int(budget):
        raise InputError(f"the number of documents is {budget!r}, must be a whole number of 1 or more")
    found = rounds.start(rounds.task(task), fields.get("annotator", ""), int(budget), fields.get("by", ""))
    return RedirectResponse(f"/label/{task}/{found.name}/1", 303)


@labelling.get("/{task}/{name}")
def resume(task: str, name: str) -> Response:
    """Go to the first question that is open, or to the last."""
    found = rounds.round_named(task, name)
    return RedirectResponse(f"/label/{task}/{name}/{min(found.first_open() + 1, len(found.questions))}", 303)


@labelling.post("/{task}/{name}/import")
def take_in(request: Request, task: str, name: str) -> Response:
    """Take in what was answered, and say what came of it."""
    return shown(request, "taken_in.html", task=task, said=rounds.round_named(task, name).take_in())


@labelling.get("/{task}/{name}/{number}")
def question(request: Request, task: str, name: str, number: int) -> Response:
    """One question, with what was answered to it, or what a model says."""
    asked, found = rounds.task(task), rounds.round_named(task, name)
    one, said = found.question(number - 1), found.answers()
    values: dict[str, Any] = {"answered": len(said), "of": len(found.questions), "answer": said.get(number - 1)}
    guesses = [guess["result"] for guess in one.get("predictions", [])]
    return shown(
        request, "question.html", asked=asked, round=found, number=number, data=one["data"],
        guess=guesses[0] if guesses else [], **values,
    )  # fmt: skip


@labelling.post("/{task}/{name}/{number}")
def answer(
    task: str, name: str, number: int, label: Annotated[Any, Body()] = None, skipped: Annotated[bool, Body()] = False
) -> Response:
    """Keep an answer."""
    rounds.round_named(task, name).answer(number - 1, label, skipped)
    return Response(status_code=204)
