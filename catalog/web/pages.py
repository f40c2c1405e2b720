"""Templates -> HTML, in the reader's language."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.web import charts
from catalog.web.formats import FILTERS, address, is_web
from catalog.web.words import language_of, words_in

if TYPE_CHECKING:
    from catalog.web.answers import Asking


def templates_in(folder: Path) -> Environment:
    """The templates of a folder: every value is escaped, and one that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


TEMPLATES = templates_in(Path(__file__).parent / "templates")
TEMPLATES.filters.update(FILTERS)
TEMPLATES.globals.update(address=address, is_web=is_web, charts=charts)
COOKIE = "language"  # what a reader chose; without it, what the browser asks for
PAGES = (
    ("overview", "/", "o"), ("documents", "/documents", "d"), ("clusters", "/clusters", "c"),
    ("thresholds", "/thresholds", "t"), ("labels", "/labels", "l"), ("runs", "/runs", "r"),
    ("versions", "/versions", "v"), ("sql", "/sql", "s"), ("rights", "/rights", "f"), ("labelling", "/label", "a"),
)  # fmt: skip
"""The pages of the head line: word, address, key after `g`."""


def shown(request: Request, template: str, ask: Asking | None = None, status: int = 200, **values: Any) -> HTMLResponse:
    """An answer: a template filled with values; it also has `language` and `say`, the words of that language by key.

    `ask` is what the page asked with, for the line at its foot that says how long that took.
    """
    language = language_of(f"{request.cookies.get(COOKIE, '')},{request.headers.get('accept-language', '')}")
    frame = {"pages": PAGES, "here": f"/{request.url.path.split('/')[1]}", "timed": ask}
    page = TEMPLATES.get_template(template).render(language=language, say=words_in(language), **frame, **values)
    return HTMLResponse(page, status)
