"""Rounds: what one person is asked, and what they answered so far.

Reads   label.tasks of params.yaml, the guidelines
Writes  .gristmill/rounds/<task>/<round>/   round.json (who, how many), queue.json (the questions, as Label Studio takes
        them), answers.jsonl (every answer as it was given, the last to a question counts), export.json

The questions are chosen by `gristmill label queue` and the answers taken in by `gristmill label import`, so that a page
is one more tool and not another way.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from catalog.errors import InputError
from catalog.layout import LOCAL
from catalog.params import read_block

ROUNDS = LOCAL / "rounds"
ORDERS = ("random", "stratified", "disagreement", "uncertainty", "suspects")
CARRIED = (
    "document",
    "text_digest",
    "guideline",
    "text",
    "about",
)  # fields of a question that come back with an answer


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A task that people can answer."""

    name: str
    kind: str
    labels: list[str]
    relations: list[str]
    guideline: str  # Markdown


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was said to one question; `label` is as the task's kind has it, null where skipped."""

    place: int
    label: Any
    skipped: bool
    created_at: str


@dataclass(frozen=True, kw_only=True)
class Round:
    """One person's questions on one task."""

    task: str
    name: str
    annotator: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return ROUNDS / self.task / self.name

    @cached_property
    def questions(self) -> list[dict[str, Any]]:
        """What is asked, as Label Studio's tasks: `data`, and `predictions` where a model said something."""
        found: list[dict[str, Any]] = json.loads((self.folder / "queue.json").read_text(encoding="utf-8"))
        return found

    def answers(self) -> dict[int, Answer]:
        """The last answer to each question, by its place in the queue; a line that was cut off is none."""
        path = self.folder / "answers.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
        said = (Answer(**json.loads(line)) for line in lines if line.endswith("\n"))
        return {answer.place: answer for answer in said}

    def answer(self, place: int, label: Any, skipped: bool) -> None:
        """Keep an answer. Errors: InputError for a question that the round does not have."""
        self.question(place)
        moment = datetime.now(UTC).isoformat(timespec="microseconds")
        given = Answer(place=place, label=None if skipped else label, skipped=skipped, created_at=moment)
        with (self.folder / "answers.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(given), ensure_ascii=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def question(self, place: int) -> dict[str, Any]:
        """The question at a place, from 0. Errors: InputError when there is none."""
        if not 0 <= place < len(self.questions):
            raise InputError(f"the round {self.name} has {len(self.questions)} questions, none is number {place + 1}")
        return self.questions[place]

    def first_open(self) -> int:
        """The first place without an answer; the number of questions when all have one."""
        said = self.answers()
        return next((place for place in range(len(self.questions)) if place not in said), len(self.questions))

    def take_in(self) -> str:
        """Hand the answers to `gristmill label import`; what it printed. The round ends when all are answered.

        Errors: InputError with its message.
        """
        export = self.folder / "export.json"
        export.write_text(json.dumps(list(self._export()), ensure_ascii=False), encoding="utf-8")
        said = _run("stages.labels.people.importing", "--", self.task, str(export))
        if self.first_open() == len(self.questions):
            shutil.rmtree(self.folder)
        return said

    def _export(self) -> Iterator[dict[str, Any]]:
        for place, answer in sorted(self.answers().items()):
            data = self.questions[place]["data"]
            status = "skipped" if answer.skipped else "answered"
            said = {"label": answer.label, "status": status, "created_at": answer.created_at}
            yield {name: data[name] for name in CARRIED if name in data} | said | {"annotator": self.annotator}


def tasks() -> list[Asked]:
    """The tasks of params.yaml that people can answer: those with a guideline."""
    return [
        Asked(name=one["name"], kind=one["kind"], labels=one.get("labels", []), relations=one.get("relations", []),
              guideline=Path(one["guideline"]).read_text(encoding="utf-8"))
        for one in read_block("label").get("tasks", [])
        if one.get("guideline") and Path(one["guideline"]).is_file()
    ]  # fmt: skip


def task(name: str) -> Asked:
    """One of them. Errors: InputError naming those that there are."""
    found = {one.name: one for one in tasks()}
    if name not in found:
        raise InputError(
            f"no task {name} of params.yaml has a guideline; those that have: {', '.join(found) or 'none'}"
        )
    return found[name]


def rounds(task: str) -> list[Round]:
    """The rounds of a task that are not taken in, oldest first."""
    files = (ROUNDS / task).glob("*/round.json")
    return [_opened(path) for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]


def round_named(about: str, name: str) -> Round:
    """A round of a task. Errors: InputError."""
    found = {one.name: one for one in rounds(task(about).name)}
    if name not in found:
        raise InputError(f"{about} has no round {name}: it was taken in, or never started")
    return found[name]


def _opened(path: Path) -> Round:
    about: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return Round(task=path.parts[-3], name=path.parts[-2], annotator=about["annotator"])


def start(asked: Asked, annotator: str, budget: int, by: str) -> Round:
    """A new round of at most `budget` questions. Errors: InputError when there is nothing to ask."""
    if not annotator.strip():
        raise InputError("an answer is somebody's: write your name")
    if by not in ORDERS:
        raise InputError(f"order is {by}, must be one of {', '.join(ORDERS)}")
    found = Round(task=asked.name, name=secrets.token_hex(4), annotator=annotator.strip())
    found.folder.mkdir(parents=True)
    try:
        queue = found.folder / "queue.json"
        _run("stages.labels.people.queue", asked.name, f"--output={queue}", f"--budget={budget}", f"--by={by}")
        if not found.questions:
            raise InputError(f"there is nothing left to ask about {asked.name} in the order {by}")
    except InputError:
        shutil.rmtree(found.folder)
        raise
    (found.folder / "round.json").write_text(json.dumps({"annotator": found.annotator}), encoding="utf-8")
    return found


def _run(module: str, *arguments: str) -> str:
    """What a program of the stage printed. Errors: InputError with its own message."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise InputError(done.stderr.strip() or f"{module} ended with {done.returncode}")
    return done.stdout.strip()
