"""Templates -> HTML, in the reader's language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.web.words import language_of, words_in


def templates_in(folder: Path) -> Environment:
    """The templates of a folder: every value is escaped, and one that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


TEMPLATES = templates_in(Path(__file__).parent / "templates")


def page(request: Request, template: str, **values: Any) -> str:
    """A template filled with values; it also has `language` and `say`, the words of that language by key."""
    language = language_of(request.headers.get("accept-language", ""))
    return TEMPLATES.get_template(template).render(language=language, say=words_in(language), **values)
