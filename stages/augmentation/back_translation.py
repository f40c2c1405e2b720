"""Back-translation: a text there and back through another language, by an engine that can be exchanged.

An engine is a program with its dictionaries (Apertium) or a model on disk (transformers, CTranslate2); nothing is
downloaded here. What decides its output is in its version, so that another dictionary or model translates anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

ENGINES = {
    "apertium": "stages.augmentation.engines.apertium:Apertium",
    "transformers": "stages.augmentation.engines.seq2seq:Seq2Seq",
    "ctranslate2": "stages.augmentation.engines.ctranslate:CTranslate",
}  # imported when asked for: two of them are heavy


class Engine(Protocol):
    """Translates lines; `version` names everything that decides its output."""

    version: str

    def translate(self, lines: list[str]) -> list[str]:
        """One line out per line in. Lines hold no line break."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """The engine and both directions: modes of Apertium (eng-spa), or folders of models.

    A model of many languages is `folder:source:target`, in the model's own codes: `models/nllb:eng_Latn:zho_Hans`.
    """

    engine: Literal["apertium", "transformers", "ctranslate2"]
    language: str  # of the documents, ISO 639-1
    there: str
    back: str

    @property
    def module(self) -> str:
        """The module of the engine."""
        return ENGINES[self.engine].partition(":")[0]

    def engines(self) -> tuple[Engine, Engine]:
        """Both directions. Errors: ParameterError where one is not installed."""
        kind = getattr(import_module(self.module), ENGINES[self.engine].partition(":")[2])
        return kind(self.there), kind(self.back)


def back_translate(texts: list[str], there: Engine, back: Engine) -> list[str]:
    """Each text there and back, line by line; empty lines and the line structure stay."""
    split = [text.split("\n") for text in texts]
    lines = list(dict.fromkeys(line for parts in split for line in parts if line.strip()))
    found = dict(zip(lines, back.translate(there.translate(lines)), strict=True))
    return ["\n".join(found[line].strip() if line.strip() else line for line in parts) for parts in split]
