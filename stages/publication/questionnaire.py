"""A questionnaire: questions in sections, each answered by the catalog, by the author, by both, or by nobody yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stages.publication.author import Author
from stages.publication.facts import Facts

Found = Callable[[Facts], str]


@dataclass(frozen=True, slots=True)
class Question:
    """A question; `found` is what the catalog has to say, and `asks` whether the author is asked as well."""

    key: str
    text: str
    found: Found | None = None
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Questions under one heading."""

    title: str
    questions: tuple[Question, ...]


def answered(sections: tuple[Section, ...], facts: Facts, author: Author) -> Iterator[str]:
    """The questions with their answers, as blocks of Markdown."""
    for section in sections:
        yield f"## {section.title}"
        for question in section.questions:
            yield f"**{question.text}**"
            yield from _answers(question, facts, author)


def _answers(question: Question, facts: Facts, author: Author) -> Iterator[str]:
    given = author.answers.get(question.key, "").strip()
    if question.found:
        yield question.found(facts)
    if given:
        yield given
    elif question.asks or not question.found:
        yield f"*Not answered yet: the author writes it into `card.answers.{question.key}` of params.yaml.*"


def keys(sections: tuple[Section, ...]) -> list[str]:
    """The keys of all questions."""
    return [question.key for section in sections for question in section.questions]
