"""What only the author of a corpus can say: the block `card` of params.yaml. Where it is empty, nothing is made up."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from catalog.errors import ParameterError
from catalog.params import load_params, read_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The block `card`."""

    name: str = ""  # of the data set
    version: str = ""  # as the author counts
    summary: str = ""  # a paragraph
    publisher: str = ""  # who stands behind it
    contact: str = ""
    url: str = ""  # where it is published
    licence: str = ""  # of the collection; the texts keep theirs
    citation: str = ""  # BibTeX or a sentence
    answers: dict[str, str] = field(default_factory=dict)
    """Key of a question of the datasheet or of the summary of training content -> answer."""

    def __post_init__(self) -> None:
        if wrong := [key for key, text in self.answers.items() if not isinstance(text, str)]:
            raise ValueError("\n".join(f"answers.{key} must be a text" for key in wrong))

    @property
    def title(self) -> str:
        """The name, or a word in its place."""
        return self.name or "Corpus"


def read_author(questions: Iterable[str]) -> Author:
    """The block `card`; `questions` are the keys that `answers` may have. Errors: ParameterError."""
    author: Author = load_params("card", read_block("card"), [Author])[Author]
    known = sorted(questions)
    for key in author.answers:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
            raise ParameterError(f"card.answers has no question `{key}`; {hint}")
    return author
