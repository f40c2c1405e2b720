"""Negations in English and Chinese: what an augmented copy must neither lose nor gain.

An operator may not touch a negation, and a copy with another number of them than its parent is refused,
because "nobody enjoyed this" came back from a round trip through Spanish as "anybody enjoyed this". Other
languages have no list here: their count is 0, and nothing is guarded.
"""

from __future__ import annotations

import re

ENGLISH = re.compile(  # of a text in lower case: a pattern that ignores case is ten times slower
    r"(?<=\w)n['’]t\b"
    r"|\b(?:no|not|none|nobody|nothing|nowhere|neither|nor|never|cannot|without|hardly|barely|scarcely|rarely|seldom"
    r"|(?:ca|do|does|did|is|are|was|were|wo|would|could|should|have|has|had|ai)nt)\b"
)
CHINESE = re.compile("[不没沒無无未非别勿莫]")


def negations(text: str, language: str) -> int:
    """How many negations stand in a text or word of `language` (ISO 639-1)."""
    pattern = {"en": ENGLISH, "zh": CHINESE}.get(language)
    return len(pattern.findall(text.lower())) if pattern else 0
