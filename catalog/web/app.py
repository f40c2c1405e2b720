"""The application: its routes, its pages, and how errors look.

Reads   the project in the current directory. Run by `gristmill ui` (catalog/web/serving.py).

Text of a corpus is hostile: pages are autoescaped, no script stands in them, and the policy of every answer
(catalog/web/security.py) forbids what they do not need.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from catalog.errors import GristmillError, UnknownError
from catalog.web.answers import Catalog
from catalog.web.explorer import (
    clusters,
    document,
    documents,
    labels,
    overview,
    rights,
    runs,
    sql,
    thresholds,
    versions,
)
from catalog.web.labelling.routes import labelling
from catalog.web.pages import COOKIE, shown
from catalog.web.security import Access, guard
from catalog.web.words import LANGUAGES

HERE = Path(__file__).parent
PAGES = (overview, documents, document, clusters, thresholds, labels, runs, versions, sql, rights)


def explorer(access: Access) -> FastAPI:
    """The application for those whom `access` lets in, over the project in the current directory."""
    app = FastAPI(title="Gristmill", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.catalog = Catalog()
    app.middleware("http")(guard(access))
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    for module in PAGES:
        app.include_router(module.router)
    app.include_router(labelling)
    app.add_api_route("/language/{language}", in_language)
    app.add_exception_handler(GristmillError, problem)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, missing)
    return app


def in_language(request: Request, language: str) -> Response:
    """Remember the language a reader chose, and go back to the page."""
    back = urlsplit(request.headers.get("referer", ""))
    path = back.path if back.netloc == request.url.netloc and back.path.startswith("/") else "/"
    answer = RedirectResponse(f"/{path.lstrip('/')}" + (f"?{back.query}" if back.query else ""), 303)
    if language in LANGUAGES:
        answer.set_cookie(COOKIE, language, max_age=31_536_000, httponly=True, samesite="strict")
    return answer


def problem(request: Request, error: Exception) -> Response:
    """What a user can mend, as a page: the thing, the value and the next command."""
    return shown(request, "problem.html", status=404 if isinstance(error, UnknownError) else 409, message=str(error))


def malformed(request: Request, error: Exception) -> Response:
    """An address or form with a value that is none: which one, and what it must be."""
    assert isinstance(error, RequestValidationError)
    said = [f"{'.'.join(map(str, one['loc'][1:]))} is {one.get('input')!r}: {one['msg']}" for one in error.errors()]
    return shown(request, "problem.html", status=422, message="\n".join(said))


def missing(request: Request, error: Exception) -> Response:
    """An address that there is not."""
    assert isinstance(error, HTTPException)
    return shown(request, "problem.html", status=error.status_code, message=f"{request.url.path}: {error.detail}")
