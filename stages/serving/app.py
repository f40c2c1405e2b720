"""The application: its routes, and what stands around every answer.

POST  /predict   {"texts": [...]} -> {"run", "answers": [...]}, an answer a text (or two)
GET   /          a page to try it; POST: its form
GET   /version   what is served: run, revision, weights, data
GET   /healthz   200 while the model makes progress, else 503: start it anew
GET   /readyz    200 while requests are taken, 503 while draining: send none
GET   /metrics   for Prometheus

No text is logged, counted or kept. A text is hostile: the page escapes it, and the policy of every answer
(catalog/web/security.py) allows no script.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import catalog.web
from catalog.web.pages import templates_in
from catalog.web.security import HEADERS
from catalog.web.words import language_of, words_in
from stages.serving.asked import asked_in_form, asked_in_json, model_of
from stages.serving.batching import Answers, Batcher, Batching, Predictor, Question
from stages.serving.figures import Figures
from stages.serving.limits import RETRY_AFTER, Limits, Problem, Refused
from stages.serving.words import WORDS

STATIC = Path(catalog.web.__path__[0]) / "static"
PAGE = templates_in(Path(__file__).parent / "templates").get_template("predict.html")
EXAMPLES = {"": '"…"', "about": '{"text": "…", "about": "…"}',
            "spans": '{"text": "…", "spans": [{"start": 0, "stop": 4}, {"start": 9, "stop": 12}]}'}  # fmt: skip
STUCK = 30.0  # seconds of one batch after which the model is taken for hung


class Service:
    """What the routes share."""

    def __init__(self, predictor: Predictor, run: Mapping[str, Any], limits: Limits, batching: Batching) -> None:
        self.about = {**run, "kind": predictor.kind, "labels": predictor.labels,
                      "second": predictor.second}  # fmt: skip
        self.figures = Figures({name: run[name] for name in ("run", "revision", "fingerprint")})
        self.batcher = Batcher(predictor.answers, batching, limits, self.figures)
        self.limits, self.asked = limits, model_of(limits, predictor.second)

    async def predict(self, request: Request) -> Response:
        """Answer the texts of a request."""
        answers = await self.batcher.ask(await asked_in_json(request, self.asked, self.limits))
        return _json({"run": self.about["run"], "answers": answers})

    async def page(self, request: Request) -> Response:
        """The page, empty."""
        return self._page(request)

    async def tried(self, request: Request) -> Response:
        """The page with an answer."""
        try:
            asked = await asked_in_form(request, self.asked, self.limits)
            return self._page(request, question=asked[0], answers=await self.batcher.ask(asked))
        except Refused as refusal:
            return self._page(request, status=refusal.status, problems=refusal.problems)

    def _page(
        self, request: Request, *, status: int = 200, question: Question = ("", ""), answers: Answers | None = None,
        problems: Sequence[Problem] = (),
    ) -> Response:  # fmt: skip
        language = language_of(request.headers.get("accept-language", ""))
        return HTMLResponse(
            PAGE.render(
                language=language, say=words_in(language, WORDS), about=self.about, question=question,
                problems=problems, answer=answers and answers[0], characters=self.limits.characters,
                address=request.base_url, example=EXAMPLES[self.about["second"]],
            ), status,
        )  # fmt: skip

    async def version(self, _: Request) -> Response:
        """What is served."""
        return _json(self.about)

    async def health(self, _: Request) -> Response:
        """Does the model make progress?"""
        busy = self.batcher.busy_for()
        return _json({"busy_seconds": round(busy, 3)}, 503 if busy > STUCK else 200)

    async def ready(self, _: Request) -> Response:
        """Are requests taken?"""
        return _json({"ready": self.batcher.open}, 200 if self.batcher.open else 503)

    async def metrics(self, _: Request) -> Response:
        """The figures."""
        page, media_type = self.figures.page()
        return Response(page, media_type=media_type)


def application(service: Service) -> ASGIApp:
    """The routes of a service, with headers and figures around them."""
    app = FastAPI(title="Gristmill", docs_url=None, redoc_url=None, openapi_url=None)
    gets = {"": service.page, "version": service.version, "healthz": service.health, "readyz": service.ready,
            "metrics": service.metrics}  # fmt: skip
    for method, routes in (("POST", {"": service.tried, "predict": service.predict}), ("GET", gets)):
        for path, route in routes.items():  # plain ones, a quarter cheaper: asked.py reads what is asked
            app.add_route(f"/{path}", route, methods=[method])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(Refused, _refusal)
    app.add_exception_handler(HTTPException, _no_such_route)
    return _Around(app, service)


class _Around:
    """Sets the headers of every answer, closes connections while draining, and counts."""

    def __init__(self, app: FastAPI, service: Service) -> None:
        self._app, self._service = app, service
        self._routes = {getattr(route, "path", "") for route in app.routes}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                closing = [] if self._service.batcher.open else [(b"connection", b"close")]
                message["headers"] = [*message["headers"], *self._headers, *closing]
                self._count(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        await self._app(scope, receive, counted)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["path"] if scope["path"] in self._routes else "other"  # else anybody could make up series
        self._service.figures.requests.labels(route, str(status)).inc()
        self._service.figures.seconds.labels(route).observe(seconds)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return Response(text, status, headers, media_type="application/json")


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {"Retry-After": str(RETRY_AFTER)} if error.status == 503 else {}
    return _json({"problems": [problem._asdict() for problem in error.problems]}, error.status, headers)


def _no_such_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem("path" if error.status_code == 404 else "method", error.detail)
    return _json({"problems": [problem._asdict()]}, error.status_code, error.headers)
