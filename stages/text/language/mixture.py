"""Text -> the share of it that is in another language than the text as a whole is taken for.

Paragraphs (lines) are looked at only where something hints at a mix: a second script, a language that is not certain,
or a middle that speaks another language than the beginning. Then up to VOTERS of them, evenly spread, vote with their
characters; those that are too short, or whose own language is not certain, do not. Where the language has a script of
its own, the script of a paragraph is its vote, and the model is not asked.
"""

from __future__ import annotations

from stages.text.language.identify import Language, identify
from stages.text.language.scripts import main_script

SECOND_SCRIPT = 100  # per mille of the letters in other scripts than the main one
CERTAIN = 900  # per mille, confidence of a language or share of a script
VOTERS = 8
SAMPLE = 100  # characters looked at of a paragraph and of the middle; the model takes 1 us for each
SHORTEST, SHORTEST_OF_WORDS = 15, 40  # characters of a paragraph that votes, in scripts of OWN and in others
# Language -> the scripts that are its own; a paragraph in another one is in another language.
OWN = {
    "zh": ("Hani", "Bopo"), "ja": ("Hani", "Hrkt"), "ko": ("Hang", "Hani"), "th": ("Thai",), "el": ("Grek",),
    "hy": ("Armn",), "ka": ("Geor",),
}  # fmt: skip


def language_columns(text: str) -> dict[str, str | int]:
    """What clean/text says of the language of a document."""
    language, (script, share) = identify(text), main_script(text)
    return {
        "language": language.code,
        "language_score": language.score,
        "language_confidence": language.confidence,
        "script": script,
        "script_share": share,
        "mixed_language": mixed_share(text, language, share),
    }


def mixed_share(text: str, whole: Language, script_share: int) -> int:
    """Characters in paragraphs of another language than `whole`, per mille of those in paragraphs that vote.

    `script_share` is the share of the main script in the letters of the text, per mille.
    """
    if not _may_be_mixed(text, whole, script_share):
        return 0
    shortest = SHORTEST if whole.code in OWN else SHORTEST_OF_WORDS
    votes = [(len(part), _differs(part, whole.code)) for part in _spread(text, shortest)]
    voted = sum(length for length, differs in votes if differs is not None)
    return round(1000 * sum(length for length, differs in votes if differs) / voted) if voted else 0


def _may_be_mixed(text: str, whole: Language, script_share: int) -> bool:
    if not script_share:
        return False
    if 1000 - script_share >= SECOND_SCRIPT or whole.confidence < CERTAIN:
        return True
    middle = len(text) // 2
    return whole.code not in OWN and middle > SAMPLE and bool(_differs(text[middle:], whole.code))


def _spread(text: str, shortest: int) -> list[str]:
    """At most VOTERS of the lines that are long enough, evenly spread over them."""
    long = [line for line in text.split("\n") if len(line) >= shortest]
    count = min(VOTERS, len(long))
    return [long[place * len(long) // count] for place in range(count)]


def _differs(paragraph: str, language: str) -> bool | None:
    """Is a paragraph in another language? None where that is not certain."""
    if language not in OWN:
        found = identify(paragraph[:SAMPLE])
        return found.code != language if found.confidence >= CERTAIN else None
    script, share = main_script(paragraph)
    if script in OWN[language]:
        return False
    return True if share >= CERTAIN or script != "Latn" else None
