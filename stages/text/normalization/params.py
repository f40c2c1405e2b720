"""How text is brought into its one normal form: the block `clean.normalize` of params.yaml."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from catalog.params import load_params


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizeParams:
    """NFC and `none` keep what a reader sees; NFKC and `ascii` change glyphs, NFKC those of Chinese commas too."""

    form: Literal["NFC", "NFKC"] = "NFC"  # of Unicode (UAX #15)
    width: Literal["none", "ascii"] = "none"  # or: full-width letters and digits to ASCII, half-width kana to full
    dehyphenate: bool = True  # join words that plain text, PDF or LaTeX parts at the end of a line
    chinese: Literal["keep", "simplified", "traditional"] = "keep"  # characters of Chinese text, by OpenCC

    def __post_init__(self) -> None:
        if self.chinese != "keep" and importlib.util.find_spec("opencc") is None:
            raise ValueError(
                f"`normalize.chinese` is {self.chinese!r}, which needs OpenCC: `pip install 'gristmill[opencc]'`"
            )


def normalize_params(block: Mapping[str, Any]) -> NormalizeParams:
    """The parameters under `clean.normalize`. Errors: ParameterError that lists all problems."""
    loaded: NormalizeParams = load_params("clean.normalize", block, [NormalizeParams])[NormalizeParams]
    return loaded
