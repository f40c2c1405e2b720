"""Traditional <-> simplified characters of Chinese text, by OpenCC (Apache-2.0), which is loaded only when asked for.

OpenCC maps phrases, not single characters, where one simplified character stands for several traditional ones. Lines
with kana or Hangul, and texts that have more of them than a quoted name, are Japanese or Korean and stay.
"""

from __future__ import annotations

import functools
import re
from typing import Any

CONFIGS = {"simplified": "t2s", "traditional": "s2t"}
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
OTHER = re.compile("[\u3041-\u30ff\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")
MOST_OTHER = 0.05  # kana and Hangul / Han, kana and Hangul


def convert(text: str, to: str, *, beside: str = "") -> str:
    """The text in `simplified` or `traditional` characters, line by line, if it is Chinese; `beside` may tell."""
    if text.isascii() or not is_chinese(f"{text}\n{beside}"):
        return text
    converter = _converter(CONFIGS[to])
    return "\n".join(
        str(converter.convert(line)) if HAN.search(line) and not OTHER.search(line) else line
        for line in text.split("\n")
    )


def is_chinese(text: str) -> bool:
    """Is Han written, and hardly any kana or Hangul?"""
    han, other = len(HAN.findall(text)), len(OTHER.findall(text))
    return han > 0 and other <= MOST_OTHER * (han + other)


@functools.cache
def _converter(config: str) -> Any:
    import opencc

    return opencc.OpenCC(config)
