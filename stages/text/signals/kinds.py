"""Kinds of characters and word lists, by the Unicode tables of the running Python; no file is read or written.

Two characters are of one kind when no counter tells them apart; there are some 60 kinds, so a text is decoded into one
byte per character, and each kernel has a small table of what a kind means to it (`Kinds`).

A token is what spaCy's rules for English find (spaCy 3, `lang/en/punctuation.py`), without its lists of exceptions
(`cannot`, `:-)`), because datatrove counts those: of a piece between two spaces the signs at its beginning and end are
tokens, `'s`, `n't` and the unit after a number too, and a hyphen, slash, comma or colon between letters splits it; an
address (`://`) is one token. In a text of SPELLED each ideograph and each Hiragana is a token by itself, as in UAX #29,
and so is punctuation beside it, so Chinese is counted in characters, of which a segmented word has 1.76 (People's
Daily, January 1998, 948,400 words segmented by hand, without punctuation). In any other text they are letters, as in
spaCy's English: a Chinese name in an English page is one word.
A word is a token that is more than punctuation and symbols. Thai, Lao and Khmer are written without spaces: a run of
theirs is one word.
"""

import functools
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stages.text.signals import counting, lines, tokens, wordcounts
from stages.text.signals.spans import Kinds, Phrases, pack_phrases

# First and last code point of the blocks of ideographs, of Hiragana, and of wide punctuation.
HAN_BLOCKS = (
    (0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0x20000, 0x323AF),
)  # fmt: skip
HIRAGANA_BLOCK = (0x3041, 0x309F)
WIDE_BLOCKS = ((0x3000, 0x303F), (0xFF00, 0xFF65))
SPELLED = ("zh", "ja", "und")  # languages whose texts are counted in ideographs; `und` may be one of the first two
JOINERS = "\u200c\u200d"  # zero-width (non-)joiner: inside a word of Persian or Hindi

LAST_ASSIGNED = 0x323AF  # beyond it are only private use, tags and variation selectors, which have no class

# Signs of spaCy's tokenizer (`lang/char_classes.py`); currency signs of several characters are not taken over.
PUNCTUATION = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
QUOTES = "'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧"
CURRENCIES = "$£€¥฿₽﷼₴₩₪₫₹₺₿"
APOSTROPHES = "'’"
FRONTS = PUNCTUATION + QUOTES + CURRENCIES + "§%=—–"
BACKS = PUNCTUATION + QUOTES + "—–"
BEFORE_STOPS = PUNCTUATION + QUOTES + "%²-+"
HYPHENS, MATHS, JOINTS, ICONS = "-–—~", "+-*^", ":<>=/", "…"
UNITS = (
    *("km", "m", "dm", "cm", "mm", "ha", "µm", "nm", "yd", "in", "ft", "kg", "g", "mg", "µg", "t", "lb", "oz", "kmh"),
    *("mph", "hPa", "Pa", "mb", "MB", "kb", "KB", "gb", "GB", "tb", "TB", "T", "G", "M", "K"),
)

STOPS = ".!?"
WIDE_STOPS = "。！？｡‼⁇⁈⁉؟۔।॥"
# Ends of a sentence in any script: Unicode's property Sentence_Terminal and five Khmer signs, as datatrove lists them
# (`utils/text.py`, TERMINAL_PUNCTUATION), as ranges of code points.
TERMINAL_RANGES = (
    "21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736 17d4-17d6 "
    "17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e 1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 "
    "2e2e 2e3c 2e53-2e54 3002 a4ff a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb "
    "fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 "
    "111c5-111c6 111cd 111de-111df 11238-11239 1123b-1123c 112a9 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 "
    "1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 "
    "16b37-16b38 16b44 16e98 1bc9f 1da88"
)
C4_ENDS = STOPS + WIDE_STOPS + "\"'"  # datatrove; the paper and the TFDS code have no `'`, none has the wide ones
CLOSERS = "\"'”’」』》）)]】〉»"
BULLETS = "•‣⁃◦●○■□▪▫◆◇►▶➢➤∙·-"

STOP_WORDS_EN = ("the", "be", "to", "of", "and", "that", "have", "with")  # Gopher, appendix A1
STOP_WORDS_ZH = tuple("的年在月是和日了於為有被人中为他與後也而由")  # fineweb-2 cmn_Hani, less its dot
POLICIES = (  # phrases of boilerplate lines (C4; the TFDS reference code)
    "javascript", "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
)  # fmt: skip
LOREM = "lorem ipsum"  # C4
ANCHORS = "vkm"  # rare letters of which each of these phrases holds one


def _terminals() -> str:
    """Every character of TERMINAL_RANGES."""
    bounds = [part.partition("-") for part in TERMINAL_RANGES.split()]
    return "".join(chr(code) for low, _, high in bounds for code in range(int(low, 16), int(high or low, 16) + 1))


TERMINALS = _terminals()


def _of_category(code: int) -> tuple[int, int, int]:
    """Bits for characters, tokens and lines that follow from the general category of one code point."""
    category, character = unicodedata.category(chr(code)), chr(code)
    known = {
        "L": (counting.LETTER, tokens.LETTER, lines.WORD),
        "N": (counting.NUMBER, 0, lines.WORD),
        "P": (counting.PUNCTUATION, tokens.SIGN, 0),
        "S": (counting.SYMBOL, tokens.SIGN, 0),
        "M": (0, tokens.MARK, lines.WORD),
        "C": (0, tokens.SIGN, 0),
        "Lu": (counting.UPPER, tokens.UPPER, 0),
        "Lt": (counting.UPPER, tokens.UPPER, 0),
        "Ll": (0, tokens.LOWER | tokens.BEFORE_STOP, 0),
        "Lo": (0, tokens.LOWER | tokens.UPPER | tokens.BEFORE_STOP, 0),  # a letter without case may be either
        "Nd": (counting.DIGIT, tokens.DIGIT | tokens.BEFORE_STOP, 0),
        "So": (0, tokens.FRONT | tokens.BACK | tokens.ICON | tokens.INFIX, 0),
    }
    none = (0, 0, 0)
    first, second = known.get(category[0], none), known.get(category, none)
    space = (counting.SPACE, tokens.SPACE, lines.SPACE) if character.isspace() else none
    if character.isspace() or character in JOINERS:
        first = (first[0], tokens.MARK if character in JOINERS else 0, lines.WORD if character in JOINERS else 0)
    return (first[0] | second[0] | space[0], first[1] | second[1] | space[1], first[2] | second[2] | space[2])


NAMED = {
    "characters": {
        "\n": counting.NEWLINE, "#": counting.HASH, "{": counting.BRACE, "}": counting.END_BRACE,
        "…": counting.ELLIPSIS,
    },
    "tokens": {
        FRONTS: tokens.FRONT, BACKS: tokens.BACK, BEFORE_STOPS: tokens.BEFORE_STOP, QUOTES: tokens.QUOTE,
        CURRENCIES: tokens.CURRENCY, HYPHENS: tokens.HYPHEN | tokens.INFIX, MATHS: tokens.MATH | tokens.INFIX,
        JOINTS: tokens.JOINT | tokens.INFIX, ICONS: tokens.ICON | tokens.INFIX, ".,": tokens.INFIX,
        APOSTROPHES: tokens.APOSTROPHE,
    },
    "lines": {
        "\n": lines.NEWLINE, STOPS: lines.STOP, WIDE_STOPS: lines.STOP | lines.WIDE_STOP, TERMINALS: lines.TERMINAL,
        C4_ENDS: lines.C4_END, CLOSERS: lines.CLOSER, BULLETS: lines.BULLET, "{": lines.BRACE,
        ANCHORS + ANCHORS.upper(): lines.ANCHOR,
    },
}  # fmt: skip
"""What single characters are, beyond their category."""


@functools.cache
def kinds() -> Kinds:
    """The kind of every code point and what each kind means, built once per process (0.3 s)."""
    table = np.zeros((sys.maxunicode + 1, 3), np.uint32)
    table[: LAST_ASSIGNED + 1] = [_of_category(code) for code in range(LAST_ASSIGNED + 1)]
    characters, token, _ = table.T
    for first, last in HAN_BLOCKS:
        ideographs = np.arange(first, last + 1)
        ideographs = ideographs[characters[ideographs] & (counting.LETTER | counting.NUMBER) != 0]
        characters[ideographs] |= counting.HAN
        token[ideographs] |= tokens.SINGLE
    hiragana = np.arange(HIRAGANA_BLOCK[0], HIRAGANA_BLOCK[1] + 1)
    token[hiragana[characters[hiragana] & counting.LETTER != 0]] |= tokens.SINGLE
    for first, last in WIDE_BLOCKS:
        wide = np.arange(first, last + 1)
        token[wide[token[wide] & tokens.SIGN != 0]] |= tokens.WIDE
    for column, named in enumerate(NAMED.values()):
        for group, bits in named.items():
            table[[ord(character) for character in group], column] |= bits
    token[token & tokens.SIGN == 0] |= tokens.OTHER
    return _numbered(table)


def _numbered(table: NDArray[np.uint32]) -> Kinds:
    """Rows that are equal get one number. Errors: ValueError for more than a byte has numbers for."""
    shifts = np.array([0, 21, 42], np.uint64)
    rows, numbers = np.unique(np.bitwise_or.reduce(table.astype(np.uint64) << shifts, axis=1), return_inverse=True)
    if len(rows) > 256:
        raise ValueError(f"{len(rows)} kinds of characters do not fit into a byte")
    meanings = ((rows[:, None] >> shifts) & np.uint64(0x1FFFFF)).astype(np.uint32)
    characters, token, line = (np.ascontiguousarray(column) for column in meanings.T)
    reading = token.copy()
    reading[line & lines.LOOKED_AT != 0] |= counting.SOUGHT
    return Kinds(numbers.astype(np.uint8), characters, token, line, reading)


def is_spelled(languages: pa.ChunkedArray) -> NDArray[np.bool_]:
    """True of each text in which an ideograph is a token by itself, by its language."""
    found: NDArray[np.bool_] = pc.is_in(languages, value_set=pa.array(SPELLED)).to_numpy()
    return found


@functools.cache
def stop_words() -> wordcounts.StopWords:
    """English and Chinese stop words."""
    return wordcounts.stop_words(STOP_WORDS_EN, STOP_WORDS_ZH)


@functools.cache
def unit_names() -> NDArray[np.int64]:
    """Units that are tokens of their own after a digit."""
    return tokens.unit_names(UNITS)


@functools.cache
def phrases() -> Phrases:
    """`lorem ipsum`, then the phrases of boilerplate lines, `javascript` first."""
    return pack_phrases((LOREM, *POLICIES), ANCHORS)
