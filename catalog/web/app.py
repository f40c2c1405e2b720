"""The application: its routes, its pages, and how errors look.

Reads   the project in the current directory. Run by `gristmill ui` (catalog/web/serving.py).

Text of a corpus is hostile: pages are autoescaped, no script stands in them, and the policy of every answer
(catalog/web/security.py) forbids what they do not need.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from catalog.errors import GristmillError
from catalog.web.labelling.routes import labelling
from catalog.web.pages import page
from catalog.web.security import Access, guard

HERE = Path(__file__).parent


def explorer(access: Access) -> FastAPI:
    """The application for those whom `access` lets in."""
    app = FastAPI(title="Gristmill", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(guard(access))
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.include_router(labelling)
    app.add_exception_handler(GristmillError, problem)
    app.add_api_route("/", lambda: RedirectResponse("/label"), response_class=RedirectResponse)
    return app


def problem(request: Request, error: Exception) -> Response:
    """What a user can mend, as a page: the thing, the value and the next command."""
    return HTMLResponse(page(request, "problem.html", message=str(error)), 409)
