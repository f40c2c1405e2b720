"""Templates -> HTML, in the reader's language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.web.words import language_of, words_in

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip


def page(request: Request, template: str, **values: Any) -> str:
    """A template filled with values; it also has `language` and `say`, the words of that language by key."""
    language = language_of(request.headers.get("accept-language", ""))
    return TEMPLATES.get_template(template).render(language=language, say=words_in(language), **values)
