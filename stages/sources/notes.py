"""What a crawl says of a source while it asks: a line for people, or an object for machines (docs/operations.md)."""

from __future__ import annotations

import sys
from typing import Any

from catalog.events import say


def note(source: str, message: str, **figures: Any) -> None:
    """One line about a source; `figures` are what a machine reads of it."""
    say(f"crawl: {source}: {message}", event="crawl", to=sys.stdout, source=source, **figures)
