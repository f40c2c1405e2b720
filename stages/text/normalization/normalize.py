"""Text -> clean text: mojibake repaired, invisible and control characters removed, one Unicode form, plain spaces and
newlines, words joined that a line's end had parted; and how many places of each kind had to be mended.

Pure functions on strings. A place is a match; where whole lines are rewritten (REWRITTEN) it is a line that changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import ftfy
from ftfy import bad_codecs

from stages.text.normalization.chinese import convert
from stages.text.normalization.hyphens import dehyphenate, keep_soft_hyphens
from stages.text.normalization.params import NormalizeParams
from stages.text.normalization.structure import code_blocks

bad_codecs.ok()  # registers sloppy-windows-1252

REWRITTEN = ("mojibake", "width", "composition", "chinese")
KINDS = (*REWRITTEN, "control", "zero_width", "bidi", "tag", "white_space", "hyphenation", "template")

# The charsets that UTF-8 is most often mistaken for; ftfy repairs these.
MISTAKEN = ("latin-1", "sloppy-windows-1252", "sloppy-windows-1250", "windows-1251", "iso-8859-2", "mac_roman", "cp437")


def _decoded(first: int, last: int) -> str:
    """Regex class of what the bytes first..last become in the mistaken charsets, ASCII left out."""
    raw = bytes(range(first, last + 1))
    return "".join(sorted({re.escape(c) for name in MISTAKEN for c in raw.decode(name, "ignore") if c > "\x7f"}))


# A lead byte of UTF-8 before a continuation byte, both decoded wrongly. 120-300 MB/s; ftfy's own test runs at 3-12.
SUSPECT = re.compile(f"[{_decoded(0xC2, 0xF4)}][{_decoded(0x80, 0xBF)}]")

TERMINAL_ESCAPE = re.compile(r"\x1b\[[0-9;?]{0,32}[ -/]{0,4}[@-~]")
LINE_BREAK = re.compile("[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029](?:(?<=\r)\n)?")
# Invisible characters by kind. Control: also annotations, non-characters and lone surrogates. Zero width: also the soft
# hyphen, byte order marks and variation selectors but those of emoji. Tag: a channel for hidden prompts.
HIDDEN = {
    "control": "\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufff9-\ufffc\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff",
    "zero_width": "\u00ad\u180b-\u180f\u200b\u2060-\u2065\ufe00-\ufe0d\ufeff",
    "bidi": "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f",
    "tag": "\U000e0000-\U000e0fff",
}
INVISIBLE = re.compile(f"[{''.join(HIDDEN.values())}]")
OF_KIND = {kind: re.compile(f"[{marks}]") for kind, marks in HIDDEN.items()}
# Joiners shape letters of Arabic, Persian and Indic scripts and glue emoji; anywhere else they hide.
JOINING = "\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\u2600-\u27bf\ufe0f\U0001f000-\U0001faff"
STRAY_JOINER = re.compile(f"(?<![{JOINING}])[\u200c\u200d]+")  # 20 MB/s, so it is asked where there is a joiner
ODD_SPACE = "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
# A single plain space is no match: text is full of them.
SPACES = re.compile(f" [ {ODD_SPACE}]+|[{ODD_SPACE}][ {ODD_SPACE}]*")
ANY_ODD_SPACE = re.compile(f"[{ODD_SPACE}]")
SPACE_AROUND_BREAK = re.compile(" \n ?|\n ")
# In Markdown the spaces that begin a line say something.
INNER_SPACES = re.compile(f"(?<=[^\n {ODD_SPACE}])(?: [ {ODD_SPACE}]+|[{ODD_SPACE}][ {ODD_SPACE}]*)")
SPACE_BEFORE_BREAK = re.compile(f"(?<![ {ODD_SPACE}])[ {ODD_SPACE}]++(?=\n)")
BLANK_LINES = re.compile("\n{3,}")
FULL_WIDTH = {code: code - 0xFEE0 for low, high in ("０９", "ＡＺ", "ａｚ") for code in range(ord(low), ord(high) + 1)}
ODD_WIDTH = re.compile("[０-９Ａ-Ｚａ-ｚ\uff61-\uff9f]")
HALF_WIDTH_KANA = re.compile("[\uff61-\uff9f]+")


def mend(
    text: str, params: NormalizeParams, *, wrapped: bool = False, structured: bool = False, beside: str = ""
) -> tuple[str, Counter[str]]:
    """(text mended in every way, places mended of each kind that there was).

    `wrapped`: its lines are those of a printed page. `structured`: it is Markdown, whose code and indentation stay.
    `beside`: more text that tells whether this one is Chinese.
    """
    text, repaired = repair_mojibake(text)
    text, places = normalize(text, params, wrapped=wrapped, structured=structured)
    converted = convert(text, params.chinese, beside=beside) if params.chinese != "keep" else text
    return converted, _counted(places, mojibake=repaired, chinese=_changed_lines(text, converted))


def repair_mojibake(text: str) -> tuple[str, int]:
    """(text with UTF-8 that was decoded as another charset put right, number of lines repaired), by ftfy."""
    if text.isascii() or not SUSPECT.search(text):
        return text, 0
    lines = text.split("\n")
    repaired = [ftfy.fix_encoding(line) if SUSPECT.search(line) else line for line in lines]
    return "\n".join(repaired), sum(a != b for a, b in zip(lines, repaired, strict=True))


def normalize(
    text: str,
    params: NormalizeParams = NormalizeParams(),  # noqa: B008 - it is frozen
    *,
    wrapped: bool = False,
    structured: bool = False,
) -> tuple[str, Counter[str]]:
    """(text in its one normal form, places mended of each kind that there was); idempotent.

    Line breaks become newlines, at most two together; runs of other white space become one space, none at the ends
    of a line.
    """
    text, escapes = TERMINAL_ESCAPE.subn("", text)
    text, breaks = LINE_BREAK.subn("\n", text)
    wrapped = wrapped and params.dehyphenate
    text = keep_soft_hyphens(text) if wrapped else text
    text, places = _composed(text, params)
    text, spaces = _spaced_around_code(text) if structured else _spaced(text)
    text, joined = dehyphenate(text) if wrapped else (text, 0)
    return text, _counted(places, control=escapes, white_space=breaks + spaces, hyphenation=joined)


def _composed(text: str, params: NormalizeParams) -> tuple[str, Counter[str]]:
    """Width, then Unicode form, around the removal of what is invisible: that brings letters and accents together."""
    if text.isascii():
        return _without_invisible(text)
    folded = _folded(text) if params.width == "ascii" and ODD_WIDTH.search(text) else text
    whole = unicodedata.normalize(params.form, folded)  # compatibility forms may hide what a joiner stands beside
    bare, places = _without_invisible(whole)
    composed = unicodedata.normalize(params.form, bare)
    recomposed = _changed_lines(folded, whole) + _changed_lines(bare, composed)
    return composed, _counted(places, width=_changed_lines(text, folded), composition=recomposed)


def _without_invisible(text: str) -> tuple[str, Counter[str]]:
    bare, removed = INVISIBLE.subn("", text)
    bare, joiners = STRAY_JOINER.subn("", bare) if "\u200c" in bare or "\u200d" in bare else (bare, 0)
    places = _counted(Counter(), zero_width=joiners)
    for mark, count in Counter(INVISIBLE.findall(text)).items() if removed else ():
        places[next(kind for kind, marks in OF_KIND.items() if marks.match(mark))] += count
    return bare, places


def _counted(places: Counter[str], **more: int) -> Counter[str]:
    """Both together; most texts have hardly any, and a Counter's own sum costs more than looking for them."""
    for kind, count in more.items():
        if count:
            places[kind] += count
    return places


def _folded(text: str) -> str:
    """Full-width letters and digits as ASCII, half-width kana as full; punctuation of Chinese stays."""
    return HALF_WIDTH_KANA.sub(lambda kana: unicodedata.normalize("NFKC", kana[0]), text.translate(FULL_WIDTH))


def _spaced(text: str) -> tuple[str, int]:
    """(text with plain spaces and line breaks, places changed)."""
    bare = text.strip(f" \n{ODD_SPACE}")
    ends = text[:1] != bare[:1], text[-1:] != bare[-1:]
    odd = "\t" in bare if bare.isascii() else ANY_ODD_SPACE.search(bare)
    bare, spaces = SPACES.subn(" ", bare) if odd or "  " in bare else (bare, 0)
    bare, around = SPACE_AROUND_BREAK.subn("\n", bare) if " \n" in bare or "\n " in bare else (bare, 0)
    bare, blank = BLANK_LINES.subn("\n\n", bare) if "\n\n\n" in bare else (bare, 0)
    return bare, sum(ends) + spaces + around + blank


def _spaced_around_code(text: str) -> tuple[str, int]:
    """(Markdown with plain spaces and line breaks outside its blocks of code, places changed)."""
    parts, places, at = [], 0, 0
    for block in code_blocks(text):
        prose, changed = _spaced_prose(text[at : block.start])
        parts += [prose, text[block.start : block.end]]
        places, at = places + changed, block.end
    prose, changed = _spaced_prose(text[at:])
    spaced = "".join([*parts, prose])
    bare = spaced.lstrip("\n").rstrip(f" \n{ODD_SPACE}")
    return bare, places + changed + (bare != spaced)


def _spaced_prose(text: str) -> tuple[str, int]:
    text, before = SPACE_BEFORE_BREAK.subn("", text)
    text, inner = INNER_SPACES.subn(" ", text)
    text, blank = BLANK_LINES.subn("\n\n", text)
    return text, before + inner + blank


def _changed_lines(before: str, after: str) -> int:
    """Lines that differ between two texts of as many lines."""
    if before == after:
        return 0
    return sum(a != b for a, b in zip(before.split("\n"), after.split("\n"), strict=True))
