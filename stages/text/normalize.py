"""Text -> clean text: mojibake repaired, invisible and control characters removed, NFC, plain spaces and newlines.

Pure functions on strings; each returns how many characters or lines it had to mend. Spaces and line breaks are not
counted: every text has them, and they are no damage.
"""

from __future__ import annotations

import re
import unicodedata

import ftfy
from ftfy import bad_codecs

bad_codecs.ok()  # registers sloppy-windows-1252

# The charsets that UTF-8 is most often mistaken for; ftfy repairs these.
MISTAKEN = ("latin-1", "sloppy-windows-1252", "sloppy-windows-1250", "windows-1251", "iso-8859-2", "mac_roman", "cp437")


def _decoded(first: int, last: int) -> str:
    """Regex class of what the bytes first..last become in the mistaken charsets, ASCII left out."""
    raw = bytes(range(first, last + 1))
    return "".join(sorted({re.escape(c) for name in MISTAKEN for c in raw.decode(name, "ignore") if c > "\x7f"}))


# A lead byte of UTF-8 before a continuation byte, both decoded wrongly. 120-300 MB/s; ftfy's own test runs at 3-12.
SUSPECT = re.compile(f"[{_decoded(0xC2, 0xF4)}][{_decoded(0x80, 0xBF)}]")

TERMINAL_ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,32}[ -/]{0,4}[@-~]")
LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Invisible: controls, soft hyphen, zero-width and bidi controls, byte order marks, tags (a channel for hidden
# prompts), variation selectors but those of emoji, non-characters and lone surrogates.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0d\ufeff\ufff9-\ufffc\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
# Joiners shape letters of Arabic, Persian and Indic scripts and glue emoji; anywhere else they hide.
JOINING = "\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\u2600-\u27bf\ufe0f\U0001f000-\U0001faff"
STRAY_JOINER = re.compile(f"(?<![{JOINING}])[\u200c\u200d]+")
ODD_SPACE = "\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# A single plain space is no match: text is full of them.
SPACES = re.compile(f" [ {ODD_SPACE}]+|[{ODD_SPACE}][ {ODD_SPACE}]*")
SPACE_AROUND_BREAK = re.compile(" \n ?|\n ")
BLANK_LINES = re.compile("\n{3,}")


def repair_mojibake(text: str) -> tuple[str, int]:
    """(text with UTF-8 that was decoded as another charset put right, number of lines repaired), by ftfy."""
    if text.isascii() or not SUSPECT.search(text):
        return text, 0
    lines = text.split("\n")
    repaired = [ftfy.fix_encoding(line) if SUSPECT.search(line) else line for line in lines]
    return "\n".join(repaired), sum(a != b for a, b in zip(lines, repaired, strict=True))


def normalize(text: str) -> tuple[str, int]:
    """(text in its one normal form, number of characters removed plus 1 if NFC changed the text); idempotent.

    Line breaks become newlines, at most two together; runs of other white space become one space, none at the ends
    of a line.
    """
    text, escapes = TERMINAL_ESCAPE.subn("", text)
    text = LINE_BREAK.sub("\n", text)
    text, invisible = INVISIBLE.subn("", text)
    text, joiners = STRAY_JOINER.subn("", text)
    composed = unicodedata.normalize("NFC", text)
    spaced = SPACE_AROUND_BREAK.sub("\n", SPACES.sub(" ", composed))
    return BLANK_LINES.sub("\n\n", spaced).strip(" \n"), escapes + invisible + joiners + (composed != text)
