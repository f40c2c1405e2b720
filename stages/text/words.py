"""Character classes, words and word lists, by the Unicode tables of the running Python; no file is read or written.

A word, after UAX #29 (simplified, without a dictionary): a run of letters, marks, numbers and connectors, joined
across one apostrophe or full stop between letters and one full stop or comma between digits. Each ideograph and each
Hiragana is a word by itself, as in UAX #29, so Chinese is counted in characters, of which a segmented word has 1.76
(People's Daily, January 1998, 948,400 words segmented by hand, without punctuation).
Thai, Lao and Khmer are written without spaces: a run of theirs is one word.
"""

import functools
import sys
import unicodedata

import numpy as np
from numpy.typing import NDArray

from stages.text import counting, lines
from stages.text.spans import pack_phrases

# First and last code point of the blocks of ideographs, and of Hiragana.
HAN_BLOCKS = (
    (0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0x20000, 0x323AF),
)  # fmt: skip
HIRAGANA_BLOCK = (0x3041, 0x309F)

LAST_ASSIGNED = 0x323AF  # beyond it are only private use, tags and variation selectors, which have no class

STOPS = ".!?"
WIDE_STOPS = "。！？｡…‼⁇⁈⁉؟۔।॥"
TERMINALS = STOPS + WIDE_STOPS + "\"'”’」』．"  # FineWeb and C4 take quotes as ends of a line
CLOSERS = "\"'”’」』》）)]】〉»"
BULLETS = "•‣⁃◦●○■□▪▫◆◇►▶➢➤∙·"


STOP_WORDS_EN = "the|be|to|of|and|that|have|with"  # Gopher, appendix A1
STOP_WORDS_ZH = "的|年|在|月|是|和|日|了|於|為|有|被|人|中|为|他|與|後|也|而|由"  # fineweb-2 cmn_Hani, less its dot
BOILERPLATE = (  # a line that holds one of these is boilerplate (C4; the TFDS reference code)
    "javascript|terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
)
LOREM = "lorem ipsum"  # C4


def _general(code: int) -> int:
    """Class bits that follow from the general category of one code point."""
    category = unicodedata.category(chr(code))
    bits = {"L": counting.LETTER | counting.WORD, "N": counting.WORD, "P": counting.PUNCTUATION, "S": counting.SYMBOL}
    result = bits.get(category[0], 0)
    if category in ("Lu", "Lt"):
        result |= counting.UPPER
    if category == "Nd":
        result |= counting.DIGIT
    if category == "Pc":
        result |= counting.WORD
    if category[0] == "M":
        result |= counting.WORD | counting.MARK
    return result | (counting.SPACE if chr(code).isspace() else 0)


@functools.cache
def character_classes() -> NDArray[np.uint16]:
    """Class bits of every code point, shape (0x110000,), built once per process (0.2 s)."""
    table = np.zeros(sys.maxunicode + 1, np.uint16)
    table[: LAST_ASSIGNED + 1] = [_general(code) for code in range(LAST_ASSIGNED + 1)]
    for first, last in HAN_BLOCKS:
        letters = table[first : last + 1]
        letters[letters & counting.WORD != 0] |= counting.HAN | counting.SINGLE
    first, last = HIRAGANA_BLOCK
    hiragana = table[first : last + 1]
    hiragana[(hiragana & counting.WORD != 0) & (hiragana & counting.MARK == 0)] |= counting.SINGLE
    joiners = [0x200C, 0x200D]  # zero-width (non-)joiner: inside a word of Persian or Hindi
    table[joiners] |= counting.WORD | counting.MARK
    return table


@functools.cache
def line_classes() -> NDArray[np.uint8]:
    """Line class bits of every code point, shape (0x110000,)."""
    classes = character_classes()
    table = np.zeros(len(classes), np.uint8)
    table[classes & counting.SPACE != 0] = lines.SPACE
    table[classes & counting.WORD != 0] = lines.WORD
    for characters, bits in (
        (STOPS, lines.STOP),
        (WIDE_STOPS, lines.STOP | lines.WIDE_STOP),
        (TERMINALS, lines.TERMINAL),
        (CLOSERS, lines.CLOSER),
        (BULLETS, lines.BULLET),
    ):
        table[[ord(character) for character in characters]] |= bits
    return table


@functools.cache
def lexicon() -> counting.Lexicon:
    """Character classes and stop words."""
    return counting.Lexicon(character_classes(), pack_phrases(STOP_WORDS_EN), pack_phrases(STOP_WORDS_ZH))


@functools.cache
def line_lexicon() -> lines.LineLexicon:
    """Line classes and the phrases of boilerplate lines."""
    return lines.LineLexicon(line_classes(), pack_phrases(BOILERPLATE), pack_phrases(LOREM))
