"""What a capture may look like to be read, what reading it may take, and which extractor reads pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stages.text.normalization.params import NormalizeParams, normalize_params
from stages.text.privacy.names import model_problems

FRACTIONS = ("max_east_asian", "min_yield", "min_share", "max_garbage")
COUNTS = (
    "max_body_bytes", "max_document_bytes", "max_unpacked_bytes", "max_members", "max_pages", "max_elements",
    "max_attributes", "max_depth", "max_tag_bytes", "max_memory_mb",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractParams:
    """The limits are part of the recipe: a capture is quarantined for the same reason on every machine."""

    extractor: Literal["auto", "resiliparse", "trafilatura"] = "auto"
    max_east_asian: float = 0.10  # Han and kana / characters of the text, above which `auto` takes trafilatura
    min_yield: float = 0.05  # characters of text / characters of page, below which `auto` takes trafilatura
    min_share: float = 0.6  # characters of trafilatura's text / of resiliparse's, below which the latter is kept
    max_body_bytes: int = 5 * 1024 * 1024  # bytes of a page or a text
    max_document_bytes: int = 64 * 1024 * 1024  # bytes of a PDF, EPUB or DOCX
    max_unpacked_bytes: int = 64 * 1024 * 1024  # bytes of what is read of one EPUB or DOCX
    max_members: int = 10_000  # files in one EPUB or DOCX
    max_pages: int = 5_000  # of a PDF
    max_elements: int = 100_000  # per page
    max_attributes: int = 512  # per tag
    max_depth: int = 512  # elements open at once
    max_tag_bytes: int = 65_536  # of one tag, quoted values not counted
    max_garbage: float = 0.05  # control, replacement and private-use characters / characters
    max_seconds: float = 30.0  # CPU seconds of one capture (5 MB of LaTeX: 20 s)
    max_memory_mb: int = 1024  # MiB of one capture, beyond what its process holds when it starts
    structure: bool = False  # keep headings, lists, tables, quotes and code, as Markdown
    normalize: NormalizeParams = field(default_factory=NormalizeParams)  # the normal form of text
    names: Mapping[str, str] = field(default_factory=dict)  # language -> spaCy model; its names of people are redacted

    def __post_init__(self) -> None:
        if isinstance(self.normalize, Mapping):  # as YAML has it
            object.__setattr__(self, "normalize", normalize_params(self.normalize))
        problems = [
            f"`{name}` is {getattr(self, name)}, must be between 0 and 1"
            for name in FRACTIONS
            if not 0 <= getattr(self, name) <= 1
        ]
        problems += [
            f"`{name}` is {getattr(self, name)}, must be at least 1" for name in COUNTS if getattr(self, name) < 1
        ]
        problems += model_problems(self.names)
        if not 0 < self.max_seconds <= 86_400:
            problems.append(f"`max_seconds` is {self.max_seconds}, must be above 0 and at most 86400")
        if problems:
            raise ValueError("\n".join(problems))
