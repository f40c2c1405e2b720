"""The block `dedup` of params.yaml -> what each operator needs of it; what is not said is the preset's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from stages.duplicates.cutting import EFFECTS
from stages.duplicates.presets import PRESETS
from stages.duplicates.rehydration import REHYDRATIONS, Steps, steps_of
from stages.text.minhash.lsh import check_bands
from stages.text.minhash.shingling import Shingling
from stages.text.minhash.signing import SignParams
from stages.text.signals.table import SIGNALS

URL, EXACT, NORMALISED, NEAR = "url", "exact", "normalised", "near"
ORDERS = ("source_priority", "quality", "length", "oldest", "digest")
LEVELS = (URL, EXACT, NORMALISED, NEAR)  # in the order in which they are applied
LATER = tuple(EFFECTS)  # after them


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepParams:
    """In which order documents are to be kept; the levels after clustering know no more of it."""

    keep: tuple[str, ...] = ("length", "digest")  # as in ClusterParams, all three
    source_priority: tuple[str, ...] = ()
    quality: str = ""

    @property
    def quality_column(self) -> str:
        """The column of clean/signals that says how good a document is."""
        return self.quality.removeprefix("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardParams:
    """What is taken for a mistake; as in ClusterParams."""

    max_dropped_fraction: float = 0.9
    max_cluster_documents: int = 10000
    accept: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterParams:
    """What decides which documents are the same, and which of them is kept."""

    levels: tuple[str, ...] = (EXACT, NEAR)
    num_perm: int = 112  # values per signature
    shingling: Shingling = field(default_factory=Shingling)
    bands: int = 14  # (FineWeb); P(caught) = 1 - (1 - s^rows)^bands
    rows_per_band: int = 8  # signature values per band
    min_jaccard: float = 0.8  # shared shingles / all shingles, of a verified pair
    verify: str = "exact"  # Jaccard of the shingles; or estimate, from the signatures
    min_representative_similarity: float = 0.0  # to the document kept; less: not dropped in its favour
    keep: tuple[str, ...] = ("length", "digest")  # what decides which document is kept, first to last
    source_priority: tuple[str, ...] = ()  # names of sources, best first; the others come after them, as equals
    quality: str = ""  # a column of clean/signals, higher is better; with - before it, lower is
    rehydrate: Steps = ()  # (least documents of a cluster, copies of the one kept)
    max_dropped_fraction: float = 0.9  # documents / documents of one source; more is taken for a mistake
    max_cluster_documents: int = 10000  # documents dropped in favour of one, and that one; more is taken for a mistake
    accept: Mapping[str, float] = field(default_factory=dict)  # alarm -> the figure up to which it was accepted

    def __post_init__(self) -> None:
        problems = [*self._names(), *self._numbers()]
        try:
            check_bands(self.num_perm, self.bands, self.rows_per_band)
        except ValueError as error:
            problems.append(str(error))
        if problems:
            raise ValueError("\n".join(problems))

    @property
    def order(self) -> KeepParams:
        """In which order documents are to be kept."""
        return KeepParams(keep=self.keep, source_priority=self.source_priority, quality=self.quality)

    @property
    def guards(self) -> GuardParams:
        """What is taken for a mistake."""
        return GuardParams(
            max_dropped_fraction=self.max_dropped_fraction, max_cluster_documents=self.max_cluster_documents,
            accept=self.accept,
        )  # fmt: skip

    def _names(self) -> list[str]:
        problems = [
            f"{name} has {one!r}, must be among {', '.join(known)}"
            for name, given, known in (("levels", self.levels, (*LEVELS, *LATER)), ("keep", self.keep, ORDERS))
            for one in given
            if one not in known
        ]
        if "source_priority" in self.keep and not self.source_priority:
            problems.append("keep has source_priority, but the list source_priority names no source")
        if "quality" in self.keep and not self.quality:
            problems.append("keep has quality, but quality names no column of clean/signals")
        if self.quality and self.order.quality_column not in SIGNALS.names:
            near = get_close_matches(self.order.quality_column, SIGNALS.names, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            problems.append(f"quality is {self.quality}, must be a column of clean/signals{hint}")
        problems += [
            f"accept: {name!r} is {n!r}, must be a number" for name, n in self.accept.items() if not _is_number(n)
        ]
        return problems

    def _numbers(self) -> list[str]:
        problems = [
            f"{name} is {value}, must be above 0 and at most 1"
            for name, value in (("min_jaccard", self.min_jaccard), ("max_dropped_fraction", self.max_dropped_fraction))
            if not 0 < value <= 1
        ]
        if not 0 <= self.min_representative_similarity <= self.min_jaccard:
            problems.append(
                f"min_representative_similarity is {self.min_representative_similarity}, must be 0 to min_jaccard = "
                f"{self.min_jaccard}"
            )
        if self.verify not in ("exact", "estimate"):
            problems.append(f"verify is {self.verify}, must be exact or estimate")
        if self.max_cluster_documents < 2:
            problems.append(f"max_cluster_documents is {self.max_cluster_documents}, must be >= 2")
        return problems


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupParams:
    """The block as it is written; null is the preset's number."""

    levels: list[str] = field(default_factory=lambda: [EXACT, NEAR])
    preset: str = "fineweb"
    num_perm: int | None = None  # hashes of a MinHash signature
    seed: int | None = None  # of the hashes
    shingle_unit: str | None = None  # words, characters or tokens
    shingle_words: int | None = None  # words a shingle
    shingle_characters: int | None = None  # characters a shingle, of scripts without spaces
    shingle_tokens: int = 5  # tokens a shingle
    shingle_tokenizer: Mapping[str, str] | None = None  # path, sha256 of a tokenizer.json
    bands: int | None = None  # of a signature; a pair that shares one is compared
    rows_per_band: int | None = None  # hashes a band
    min_jaccard: float | None = None
    verify: str = "exact"
    min_representative_similarity: float = 0.0
    keep: list[str] = field(default_factory=lambda: ["length", "digest"])
    source_priority: list[str] = field(default_factory=list)
    quality: str | None = None
    rehydrate: str | Mapping[int, int] | None = None
    max_dropped_fraction: float = 0.9
    max_cluster_documents: int = 10000
    accept: Mapping[str, float] | None = None
    spread_above: int = 20_000_000  # documents; more are clustered by many actions, to the same rows
    partition_documents: int = 1_000_000  # of each of these, about; 2.3 KB of memory a document

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"preset is {self.preset}, must be one of {', '.join(PRESETS)}")
        if isinstance(self.rehydrate, str) and self.rehydrate not in REHYDRATIONS:
            raise ValueError(
                f"rehydrate is {self.rehydrate}, must be {', '.join(REHYDRATIONS)} or {{documents: copies}}"
            )
        problems = [
            f"{name} is {value}, must be >= {least}"
            for name, value, least in (
                ("spread_above", self.spread_above, 0), ("partition_documents", self.partition_documents, 1),
            )
            if value < least
        ]  # fmt: skip
        for resolve in (self.signing, self.clustering):
            try:
                resolve()
            except ValueError as error:
                problems += str(error).splitlines()
        if problems:
            raise ValueError("\n".join(problems))

    def signing(self) -> SignParams:
        """What decides a signature."""
        return SignParams(num_perm=self._number("num_perm"), seed=self._number("seed"), shingling=self._shingling())

    def clustering(self) -> ClusterParams:
        """What decides the clusters."""
        return ClusterParams(
            levels=tuple(sorted((level for level in self.levels if level not in LATER), key=_place)),
            num_perm=self._number("num_perm"),
            shingling=self._shingling(), bands=self._number("bands"), rows_per_band=self._number("rows_per_band"),
            min_jaccard=float(self._of_preset("min_jaccard")), verify=self.verify,
            min_representative_similarity=self.min_representative_similarity, keep=tuple(self.keep),
            source_priority=tuple(self.source_priority), quality=self.quality or "",
            rehydrate=steps_of(self.rehydrate or {}), max_dropped_fraction=self.max_dropped_fraction,
            max_cluster_documents=self.max_cluster_documents, accept=dict(self.accept or {}),
        )  # fmt: skip

    def _shingling(self) -> Shingling:
        tokenizer = self.shingle_tokenizer or {}
        return Shingling(
            unit=str(self._of_preset("shingle_unit")), words=self._number("shingle_words"),
            characters=self._number("shingle_characters"), tokens=self.shingle_tokens,
            tokenizer=tokenizer.get("path", ""), tokenizer_sha256=tokenizer.get("sha256", ""),
        )  # fmt: skip

    def _number(self, name: str) -> int:
        return int(self._of_preset(name))

    def _of_preset(self, name: str) -> Any:
        """The value that is written, or else the preset's."""
        given = getattr(self, name)
        return getattr(PRESETS[self.preset], name) if given is None else given


def _place(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
