"""Phrase matching for labelling functions: masks over a batch of texts, by RE2 in compiled code."""

import re

import pyarrow as pa
import pyarrow.compute as pc


def mentions(texts: pa.Array, phrases: tuple[str, ...]) -> pa.Array:
    """True where a text contains one of the phrases anywhere; for scripts written without spaces."""
    return pc.match_substring_regex(texts, "|".join(map(re.escape, phrases)))


def matches(texts: pa.Array, pattern: str) -> pa.Array:
    """True where a regular expression (RE2 syntax, letters of either case) is found in a text."""
    return pc.match_substring_regex(texts, pattern, ignore_case=True)


def either(words: tuple[str, ...]) -> str:
    """The pattern of one whole word out of several, for scripts written with spaces."""
    return r"\b(?:" + "|".join(words) + r")\b"


def label_where(mask: pa.Array, label: str) -> pa.Array:
    """`label` where the mask is true, null (abstain) elsewhere."""
    return pc.if_else(mask, pa.scalar(label), pa.scalar(None, pa.string()))
