"""importing: take in what people answered, once, and only what fits.

Reads   files of labelling tools (formats.py), clean/text, the task's guideline, data/annotations
Writes  data/annotations/<task>: one file with the answers that are new; .gristmill/misfits/<task>.jsonl: what did not
        fit, and why
Run     gristmill label import TASK FILE... [--annotator NAME] [--guideline FILE]

An answer fits if its document is one of the corpus, its text is the one of its digest, its second text (in tasks that
have one) stands beside that text in a source, its label is one of the task's, and every span has the text that it
says. It is new unless its person said the same of the same text by the same guideline in the last answer before it: so
the same file again, or another export of it, adds nothing.
"""

from __future__ import annotations

import argparse
import json
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.annotations import add_annotations, read_annotations, track_annotations
from catalog.digests import canonical_json, file_sha256, sha256_of
from catalog.erasure.forget import read_tombstones
from catalog.errors import InputError, exit_on_error
from catalog.layout import LOCAL
from catalog.schema import ANNOTATIONS
from catalog.segments import read_segments
from stages.labels.offsets import Misfit
from stages.labels.people.asked import guideline_of, seconds_of, task_named
from stages.labels.people.formats import read_answers
from stages.labels.people.standing import ANSWERED, SKIPPED, texts_of
from stages.labels.people.told import Told
from stages.labels.tasks import Task, picked
from stages.labels.values import TWO_TEXTS, Form, Unanswered, value_of
from stages.text.privacy.redact import redacted_text

MISFITS = LOCAL / "misfits"
SHOWN = 5  # misfits that are printed

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """What answers have where their file does not say: who, by which guideline, when."""

    annotator: str
    guideline: str
    created_at: str


class Checker:
    """Holds answers to the corpus and to the task."""

    def __init__(self, task: Task, unsaid: Unsaid) -> None:
        self._task, self._unsaid, self._form = task, unsaid, picked(task, Form)
        self._forgotten = {stone.id for stone in read_tombstones()}
        segments = read_segments("clean", "text")
        self._segments = segments
        self._digests: dict[str, str] = {}
        for segment in segments:
            rows = segment.read(["id", "text_digest"])
            self._digests |= dict(zip(rows["id"].to_pylist(), rows["text_digest"].to_pylist(), strict=True))
        self._seconds = seconds_of(task, segments)

    def fetch(self, answers: Iterable[Told]) -> None:
        """Read the texts of answers that bring none."""
        bare = [answer.document for answer in answers if not answer.text and answer.document in self._digests]
        self._texts = texts_of(self._segments, pa.array(sorted(set(bare)), pa.string()))

    def row(self, answer: Told, origin: str) -> Row:
        """An answer as a row of `label/annotations`. Errors: Misfit, Unanswered."""
        text = self._text(answer)
        about = self._about(answer)
        value = None if answer.skipped else value_of(self._form, answer.label, text)
        guideline, annotator = answer.guideline or self._unsaid.guideline, answer.annotator or self._unsaid.annotator
        if not guideline:
            raise Misfit("it does not say which guideline it follows; give --guideline FILE")
        if not annotator:
            raise Misfit("it does not say who answered; give --annotator NAME")
        return {
            "id": answer.document, "task": self._task.name, "text_digest": answer.text_digest, "text": text,
            "about": about, "guideline": guideline, "annotator": annotator,
            "status": SKIPPED if answer.skipped else ANSWERED,
            "value": None if answer.skipped else canonical_json(value), "origin": origin,
            "created_at": moment(answer.created_at) if answer.created_at else self._unsaid.created_at,
        }  # fmt: skip

    def _about(self, answer: Told) -> str | None:
        """The second text that was answered about."""
        if self._task.kind not in TWO_TEXTS:
            return None
        about = redacted_text(answer.about)
        if about not in self._seconds.get(self._digests[answer.document], ()):
            raise Misfit("its second text (`about`) does not stand beside its text in any source")
        return about

    def _text(self, answer: Told) -> str:
        """The text that was answered about: the file's own, else the document's."""
        if answer.document in self._forgotten:
            raise Misfit("its document was forgotten")
        if answer.document not in self._digests:
            raise Misfit("its document is not in clean/text")
        if answer.text:
            if sha256_of(answer.text) != answer.text_digest:
                raise Misfit("its text is not the one of its digest")
            return answer.text
        if self._digests[answer.document] != answer.text_digest:
            raise Misfit("it came without its text, which the document no longer has")
        return self._texts[answer.document]


def moment(written: str) -> str:
    """A time as UTC, ISO 8601 with microseconds. Errors: Misfit."""
    try:
        when = datetime.fromisoformat(written)
    except ValueError:
        raise Misfit(f"the time {written!r} is not ISO 8601") from None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def unknown(rows: Iterable[Row], known: Iterable[Row]) -> list[Row]:
    """The rows that say something new, in order of time: other than what their person said last before."""
    said: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in known:
        insort(said.setdefault(_about(row), []), _says(row))
    fresh = []
    for row in sorted(rows, key=lambda row: (*_says(row), *_about(row))):
        earlier, says = said.setdefault(_about(row), []), _says(row)
        place = bisect_right(earlier, says)
        if place and earlier[place - 1][1] == says[1]:
            continue
        earlier.insert(place, says)
        fresh.append(row)
    return fresh


def _about(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["id"], row["text_digest"], row["about"] or "", row["guideline"], row["annotator"]


def _says(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["created_at"], row["value"] or SKIPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import came to: rows that were new, answers known before, questions without an answer, misfits."""

    added: list[Row]
    known: int
    unanswered: int
    misfits: list[dict[str, Any]]

    def text(self) -> str:
        """Counts, then the misfits by reason, with the first few."""
        skips = sum(row["status"] == SKIPPED for row in self.added)
        lines = [f"{len(self.added)} added ({skips} of them skips), {self.known} known, {self.unanswered} unanswered, "
                 f"{len(self.misfits)} do not fit"]  # fmt: skip
        for misfit in self.misfits[:SHOWN]:
            lines.append(f"  {misfit['file']}, {misfit['place']}: {misfit['reason']}")
        if len(self.misfits) > SHOWN:
            lines += [f"  {count:>6} x {why}" for why, count in Counter(one["reason"] for one in self.misfits).items()]
        return "\n".join(lines)


def take_in(task: Task, files: Sequence[Path], unsaid: Unsaid) -> Imported:
    """Import some files into the log of a task."""
    told = [(path, answer) for path in files for answer in read_answers(path, task.kind)]
    origins = {path: file_sha256(path) for path in files}
    checker = Checker(task, unsaid)
    checker.fetch(answer for _, answer in told)
    rows, misfits, unanswered = [], [], 0
    for path, answer in told:
        try:
            rows.append(checker.row(answer, origins[path]))
        except Unanswered:
            unanswered += 1
        except Misfit as why:
            misfits.append({"file": path.name, "reason": str(why), **asdict(answer)})
    added = unknown(rows, read_annotations(task.name).to_pylist())
    if added:
        add_annotations(task.name, pa.Table.from_pylist(added, schema=ANNOTATIONS.remove_metadata()))
    return Imported(added=added, known=len(rows) - len(added), unanswered=unanswered, misfits=misfits)


def write_misfits(task: str, misfits: Iterable[Mapping[str, Any]]) -> Path:
    """The misfits of one import, in place of those of the last."""
    path = MISFITS / f"{task}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(misfit, ensure_ascii=False) + "\n" for misfit in misfits), encoding="utf-8")
    return path


def main() -> None:
    """Import files; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill label import")
    parser.add_argument("task")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--annotator", default="", help="who answered, where the file does not say")
    parser.add_argument("--guideline", type=Path, help="the guideline that was followed, where the file does not say")
    given = parser.parse_args()
    task = task_named(given.task)
    guideline, _ = guideline_of(task)
    if given.guideline and not given.guideline.is_file():
        raise InputError(f"there is no file {given.guideline}")
    unsaid = Unsaid(
        annotator=given.annotator, guideline=file_sha256(given.guideline) if given.guideline else "",
        created_at=moment(datetime.now(UTC).isoformat()),
    )  # fmt: skip
    done = take_in(task, given.files, unsaid)
    print(done.text())
    if done.misfits:
        print(f"what does not fit is in {write_misfits(task.name, done.misfits)}")
    if done.added or done.known:  # known ones too: an import may have ended before DVC saw them
        track_annotations(guideline)
    if done.added:
        print("`dvc repro label` makes votes of them; commit data/annotations.dvc and dvc.yaml")


if __name__ == "__main__":
    exit_on_error(main)
