"""A questionnaire: questions in sections, each answered by the catalog, by the author, by both, or by nobody yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stages.publication.author import Author
from stages.publication.facts import Facts

Found = Callable[[Facts], str]


@dataclass(frozen=True, slots=True)
class Question:
    """A question; `found` is what the catalog has to say, and `asks` whether the author is asked as well.

    Where `applies` says no, it is left out unless the author answers it all the same.
    """

    key: str
    text: str
    found: Found | None = None
    asks: bool = False
    applies: Callable[[Facts], object] = lambda _: True


@dataclass(frozen=True, slots=True)
class Section:
    """Questions under one heading, or under none, and sections below it."""

    title: str
    questions: tuple[Question, ...] = ()
    below: tuple[Section, ...] = ()


def answered(sections: tuple[Section, ...], facts: Facts, author: Author, level: int = 2) -> Iterator[str]:
    """The questions with their answers, as blocks of Markdown; `level` is that of the headings."""
    for section in sections:
        if section.title:
            yield f"{'#' * level} {section.title}"
        for question in section.questions:
            if said := list(_answers(question, facts, author)):
                yield f"**{question.text}**"
                yield from said
        yield from answered(section.below, facts, author, level + 1)


def _answers(question: Question, facts: Facts, author: Author) -> Iterator[str]:
    given = author.answers.get(question.key, "").strip()
    applies = question.applies(facts)
    if question.found and applies:
        yield question.found(facts)
    if given:
        yield given
    elif applies and (question.asks or not question.found):
        yield f"*Not answered yet: the author writes it into `card.answers.{question.key}` of params.yaml.*"


def keys(sections: tuple[Section, ...]) -> list[str]:
    """The keys of all questions."""
    return [key for section in sections for key in (*(one.key for one in section.questions), *keys(section.below))]
