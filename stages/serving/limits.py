"""What a server takes: of one request, of all together, and for how long; and how it says no.

Every refusal is a status and JSON: {"problems": [{"field", "problem"}]}. None of them repeats what was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

RETRY_AFTER = 1  # seconds that a client should wait before it asks a full or draining server, or its successor, again


class Problem(NamedTuple):
    """What is wrong with which part of a request."""

    field: str
    problem: str


class Refused(Exception):
    """A request that is not answered: a status of HTTP, and every problem found."""

    def __init__(self, status: int, problems: Sequence[Problem]) -> None:
        super().__init__(status)
        self.status, self.problems = status, list(problems)


def refused(status: int, field: str, problem: str) -> Refused:
    """A refusal for one problem."""
    return Refused(status, [Problem(field, problem)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Most that is taken; every number must be above zero."""

    body: int  # bytes of a request; more: 413
    texts: int  # of a request; more: 422
    characters: int  # of a text; more: 422
    waiting: int  # texts that wait for the model; more: 503
    connections: int  # at once; more: 503
    seconds: float  # for the head of a request, and for its body; more: 408, or the connection is closed

    def __post_init__(self) -> None:
        problems = [f"{name} is {getattr(self, name)}, must be above 0" for name in self.__slots__
                    if getattr(self, name) <= 0]  # fmt: skip
        if self.waiting < self.texts:
            problems.append(f"waiting is {self.waiting}, must be {self.texts} (texts) or more")
        if problems:
            raise ValueError("\n".join(problems))
