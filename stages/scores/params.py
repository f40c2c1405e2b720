"""The signals that a project declares in `clean` of params.yaml, because they need a model of its own.

None is on by default, and what is not declared costs nothing. A file is pinned by its sha256, so that another file is
another parameter.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CLASSIFIERS = ("quality", "educational", "toxicity")
LONGEST_ORDER = 6
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    """A file of the project, or one beside it, and the sha256 (hex) that it must have."""

    path: str
    sha256: str

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not SHA256.fullmatch(str(self.sha256)):
            raise ValueError(f"needs `path` and the `sha256` of the file (64 hex digits), found {self.sha256!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NgramParams:
    """An n-gram model of the documents of some sources, one per language (stages/scores/ngrams.py)."""

    sources: list[str]
    order: int = 5  # tokens of the longest n-gram (cc_net)
    tokens: int = 1_000_000  # of each language to learn from, documents chosen by hash
    seed: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.sources, list) or not self.sources:
            raise ValueError(f"`sources` is {self.sources!r}, must be a list of sources of good text")
        if not isinstance(self.order, int) or not 1 <= self.order <= LONGEST_ORDER:
            raise ValueError(f"`order` is {self.order!r}, must be 1 to {LONGEST_ORDER}")
        if not isinstance(self.tokens, int) or self.tokens < 1:
            raise ValueError(f"`tokens` is {self.tokens!r}, must be a whole number above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalParams:
    """A causal language model in a folder, as transformers saves it: safetensors, pinned by their sha256."""

    folder: str
    sha256: str  # of model.safetensors
    width: int = 1024  # tokens of a document that are looked at, its first ones

    def __post_init__(self) -> None:
        if not SHA256.fullmatch(str(self.sha256)):
            raise ValueError(f"`sha256` is {self.sha256!r}, must be that of model.safetensors (64 hex digits)")
        if not isinstance(self.width, int) or self.width < 2:
            raise ValueError(f"`width` is {self.width!r}, must be at least 2 tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketParams:
    """Percentiles of the perplexities of a language that part head, middle and tail."""

    head: int = 30  # per cent (cc_net)
    middle: int = 60

    def __post_init__(self) -> None:
        if not 0 <= self.head <= self.middle <= 100:
            raise ValueError(f"`buckets` is {self.head} and {self.middle}, must be percentiles in order")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceParams:
    """Sources of texts one wants, and of texts one has (stages/scores/importance.py)."""

    sources: list[str]
    against: list[str]
    tokens: int = 1_000_000  # of each language and list to learn from, documents chosen by hash
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("sources", "against"):
            if not isinstance(getattr(self, name), list) or not getattr(self, name):
                raise ValueError(f"`{name}` is {getattr(self, name)!r}, must be a list of sources")
        if both := sorted({*self.sources} & {*self.against}):
            raise ValueError(f"{', '.join(both)} stands in `sources` and in `against`")
        if not isinstance(self.tokens, int) or self.tokens < 1:
            raise ValueError(f"`tokens` is {self.tokens!r}, must be a whole number above 0")


MODELS = {"reference": NgramParams, "kenlm": PinnedFile, "causal": CausalParams}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredParams:
    """What is declared; null for what is not."""

    perplexity: Mapping[str, Any] | None = None  # one of reference, kenlm, causal; and buckets
    quality: Mapping[str, Any] | None = None  # path, sha256 of a model of `gristmill train-quality`
    educational: Mapping[str, Any] | None = None  # the same, for the signal of its name
    toxicity: Mapping[str, Any] | None = None  # the same, for the signal of its name
    importance: Mapping[str, Any] | None = None  # sources, against
    flagged_words: Mapping[str, Any] | None = None  # language -> path, sha256 of a list of words and phrases
    domains: Mapping[str, Any] | None = None  # path, sha256 of a list of domains and their categories

    def __post_init__(self) -> None:
        problems = []
        checks: dict[str, Callable[[], Any]] = {"perplexity": self.model, "importance": self.weighing,
                                                "flagged_words": self.lists}  # fmt: skip
        for name in (*checks, *CLASSIFIERS, "domains"):
            try:
                checks[name]() if name in checks else self.pinned(name)
            except (TypeError, ValueError) as error:
                problems.append(f"{name}: {str(error).partition('() ')[2] or error}")
        if problems:
            raise ValueError("\n".join(problems))

    def model(self) -> NgramParams | PinnedFile | CausalParams | None:
        """What perplexity is measured by. Errors: ValueError, TypeError."""
        if self.perplexity is None:
            return None
        self.buckets()
        given = [name for name in MODELS if name in self.perplexity]
        if len(given) != 1 or set(self.perplexity) - {*MODELS, "buckets"}:
            raise ValueError(f"needs one of {', '.join(MODELS)} and perhaps buckets, found {[*self.perplexity]}")
        found: NgramParams | PinnedFile | CausalParams = MODELS[given[0]](**self.perplexity[given[0]])
        return found

    def buckets(self) -> BucketParams:
        """Where head, middle and tail part."""
        return BucketParams(**(self.perplexity or {}).get("buckets", {}))

    def weighing(self) -> ImportanceParams | None:
        """What importance is measured by. Errors: ValueError, TypeError."""
        return None if self.importance is None else ImportanceParams(**self.importance)

    def lists(self) -> dict[str, PinnedFile]:
        """The lists of words by language. Errors: ValueError, TypeError."""
        return {language: PinnedFile(**file) for language, file in (self.flagged_words or {}).items()}

    def pinned(self, name: str) -> PinnedFile | None:
        """The file of one signal, such as the model of a classifier."""
        given = getattr(self, name)
        return None if given is None else PinnedFile(**given)

    def declared(self) -> dict[str, Any]:
        """What is declared, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
