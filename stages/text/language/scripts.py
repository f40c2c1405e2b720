"""Text -> the script most of its letters are of, by the Unicode tables of the running Python.

Python knows no property Script, but the name of a letter begins with it (`LATIN SMALL LETTER A`).
"""

from __future__ import annotations

import functools
import unicodedata

import numpy as np
from numpy.typing import NDArray

OTHER = "Zyyy"  # ISO 15924 for a script that is none of the others, or for no letter at all
# First word of the name of a letter -> script, ISO 15924. Hiragana and Katakana are one (`Hrkt`).
NAMED = {
    "LATIN": "Latn", "CJK": "Hani", "IDEOGRAPHIC": "Hani", "HIRAGANA": "Hrkt", "KATAKANA": "Hrkt",
    "KATAKANA-HIRAGANA": "Hrkt", "HANGUL": "Hang", "BOPOMOFO": "Bopo", "CYRILLIC": "Cyrl", "GREEK": "Grek",
    "ARMENIAN": "Armn", "GEORGIAN": "Geor", "ARABIC": "Arab", "HEBREW": "Hebr", "SYRIAC": "Syrc", "THAANA": "Thaa",
    "DEVANAGARI": "Deva", "BENGALI": "Beng", "GURMUKHI": "Guru", "GUJARATI": "Gujr", "ORIYA": "Orya", "TAMIL": "Taml",
    "TELUGU": "Telu", "KANNADA": "Knda", "MALAYALAM": "Mlym", "SINHALA": "Sinh", "THAI": "Thai", "LAO": "Laoo",
    "TIBETAN": "Tibt", "MYANMAR": "Mymr", "KHMER": "Khmr", "MONGOLIAN": "Mong", "ETHIOPIC": "Ethi",
}  # fmt: skip
SCRIPTS = (OTHER, *sorted(set(NAMED.values())))
NONE = len(SCRIPTS)  # of what is no letter
LAST_LETTER = 0x323AF  # in Unicode 16
# Blocks of one script each, whose 130,000 names take 0.3 s to look up.
BLOCKS = ((0x3400, 0x4DBF, "Hani"), (0x4E00, 0x9FFF, "Hani"), (0xAC00, 0xD7A3, "Hang"), (0x20000, LAST_LETTER, "Hani"))


def main_script(text: str) -> tuple[str, int]:
    """(script, ISO 15924, with most of the letters, its share of them per mille); `Zyyy` and 0 without letters."""
    if text.isascii():
        return ("Latn", 1000) if any(map(str.isalpha, text)) else (OTHER, 0)
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    counts = np.bincount(_table()[np.minimum(points, LAST_LETTER + 1)], minlength=NONE + 1)[:NONE]
    most = int(counts.argmax())
    return (SCRIPTS[most], round(1000 * int(counts[most]) / int(counts.sum()))) if counts[most] else (OTHER, 0)


@functools.cache
def _table() -> NDArray[np.uint8]:
    """Place in SCRIPTS of each code point, NONE for what is no letter."""
    table = np.full(LAST_LETTER + 2, NONE, np.uint8)
    for first, last, script in BLOCKS:
        table[first : last + 1] = SCRIPTS.index(script)
    for point in np.flatnonzero(table[:-1] == NONE).tolist():
        if (character := chr(point)).isalpha():
            word = unicodedata.name(character, "").partition(" ")[0]
            table[point] = SCRIPTS.index(NAMED.get(word, OTHER))
    return table
