"""queue: which documents to ask people about next, written as the file that their tool imports.

Reads   clean/text, dedup/verdicts, label/votes, data/annotations, the task's guideline; a table of predictions
Writes  the file given by --output and, for Label Studio, the labelling interface beside it (.xml)
Run     gristmill label queue TASK --budget N -o FILE [--by random] [--format label-studio] [--answers 1]

Asked about are kept documents of the task's sources and languages whose text has fewer than `answers` answers that
stand by the guideline of today (standing.py): so nothing is asked again until its text or the guideline changes. Of two
texts, each second text beside a text is asked about by itself. In which order:

random         by a hash of (seed, id)
stratified     each source, language and given label in turn, so that small groups are asked about as much as large ones
disagreement   where the most frequent label has the smallest share of the votes; only texts with two votes or more
uncertainty    where the model is least sure of its class: the lowest `confidence` in the table of predictions
suspects       where the label looks wrong, by confident learning (guesses.py). This one asks again: a text that has
               its answers is asked about once more, until it has one answer more than others need

Predictions are a Parquet or CSV file of id, label (as in votes), confidence (per mille) and run (what predicted), by
default what `gristmill label predict` wrote. Label Studio shows them as pre-annotations whatever the order.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from catalog.annotations import read_annotations
from catalog.errors import InputError, exit_on_error
from catalog.layout import PREDICTIONS
from catalog.parquet import read_parquet
from catalog.schema import VOTES
from catalog.segments import Segment, read_segments
from stages.labels.documents import documents_of, stacked
from stages.labels.people.asked import guideline_of, seconds_of, task_named
from stages.labels.people.formats import doccano_lines, spreadsheet, studio_interface, studio_tasks
from stages.labels.people.standing import StandingParams, standing, texts_of
from stages.labels.resolve import PREFIXES
from stages.labels.splits import cluster_position
from stages.labels.tasks import Task, picked
from stages.labels.values import TWO_TEXTS
from stages.labels.votes import within

ORDERS = ("random", "stratified", "disagreement", "uncertainty", "suspects")
FORMATS = ("label-studio", "doccano", "csv")
PREDICTED = ("id", "label", "confidence", "run")

Row = Mapping[str, Any]
Unit = tuple[str, str | None]  # id of the document, second text


def askable(task: Task, texts: Sequence[Segment], guideline: str, answers: int) -> list[Row]:
    """The units that may be asked about: id, source, language and text_digest of the document, and about."""
    documents = documents_of(texts, read_segments("dedup", "verdicts"))
    shown = pc.and_(within(documents["source"], task.sources), within(documents["language"], task.languages))
    captures = read_segments("crawl", "captures") if task.kind in TWO_TEXTS else []
    said = standing(texts, captures, read_annotations(task.name), picked(task, StandingParams, guideline=guideline))
    digest = dict(zip(documents["id"].to_pylist(), documents["text_digest"].to_pylist(), strict=True))
    given = Counter((digest[one.document], one.about) for one in said if one.current and one.document in digest)
    rows = documents.filter(pc.and_(shown, documents["kept"])).to_pylist()
    seconds = seconds_of(task, texts)
    units = [
        row | {"about": about}
        for row in rows
        for about in (seconds.get(row["text_digest"], ()) if task.kind in TWO_TEXTS else (None,))
    ]
    return [row for row in units if given[row["text_digest"], row["about"]] < answers]


def unit_of(row: Row) -> Unit:
    """What a row is about."""
    return row["id"], row["about"]


def votes_by_unit(task: str, units: Sequence[Row]) -> dict[Unit, list[tuple[str, str]]]:
    """(annotator, label) of every vote on the documents of some units, by unit."""
    rows = stacked(read_segments("label", "votes"), ["id", "task", "annotator", "about", "label"], VOTES)
    ids = pa.array([row["id"] for row in units], pa.string())
    rows = rows.filter(pc.and_(pc.equal(rows["task"], task), pc.is_in(rows["id"], value_set=ids)))
    found: dict[Unit, list[tuple[str, str]]] = defaultdict(list)
    for row in rows.to_pylist():
        found[unit_of(row)].append((row["annotator"], row["label"]))
    return found


def read_predictions(task: str, path: Path | None) -> dict[str, Row]:
    """The predictions of a model by id; none where the default file is not there. Errors: InputError."""
    place = path or PREDICTIONS / f"{task}.parquet"
    if not place.is_file():
        if path is None:
            return {}
        raise InputError(f"there is no file {path}")
    rows = pv.read_csv(place) if place.suffix == ".csv" else read_parquet(place)
    if missing := set(PREDICTED) - set(rows.column_names):
        raise InputError(f"{place} has no column {', '.join(sorted(missing))}; predictions are {', '.join(PREDICTED)}")
    return {row["id"]: row for row in rows.to_pylist()}


def ordered(by: str, task: Task, rows: Sequence[Row], predictions: Mapping[str, Row], seed: int) -> list[Row]:
    """The units in the order in which they are asked about; those that the order cannot place are left out."""

    def chance(row: Row) -> int:
        return cluster_position(seed, "\n".join(filter(None, unit_of(row))))

    orders: dict[str, Callable[[], list[Row]]] = {
        "random": lambda: sorted(rows, key=chance),
        "stratified": lambda: list(_in_turn(sorted(rows, key=chance), votes_by_unit(task.name, rows))),
        "disagreement": lambda: _disputed(sorted(rows, key=chance), votes_by_unit(task.name, rows)),
        "uncertainty": lambda: _unsure(sorted(rows, key=chance), predictions, task.name),
        "suspects": lambda: _suspected(rows, task, seed),
    }
    return orders[by]()


def _in_turn(rows: Sequence[Row], votes: Mapping[Unit, list[tuple[str, str]]]) -> Iterator[Row]:
    """The first of every group, then the second of each, and so on; groups in the order of their first."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        given = sorted(label for who, label in votes.get(unit_of(row), ()) if who.startswith(PREFIXES["given"]))
        groups[row["source"], row["language"], *given].append(row)
    for turn in range(max(map(len, groups.values()), default=0)):
        yield from (group[turn] for group in groups.values() if turn < len(group))


def _disputed(rows: Sequence[Row], votes: Mapping[Unit, list[tuple[str, str]]]) -> list[Row]:
    """Units with two votes or more; the smaller the share of the winner, the sooner; more votes before fewer."""
    counted = [(Counter(label for _, label in votes.get(unit_of(row), ())), row) for row in rows]
    several = [(counts, row) for counts, row in counted if counts.total() > 1]
    several.sort(key=lambda pair: (max(pair[0].values()) / pair[0].total(), -pair[0].total()))
    return [row for _, row in several]


def _unsure(rows: Sequence[Row], predictions: Mapping[str, Row], task: str) -> list[Row]:
    if not predictions:
        raise InputError(
            f"no model's predictions for {task} are in {PREDICTIONS}; run `gristmill label predict {task}`, give "
            f"--predictions FILE with {', '.join(PREDICTED)}, or choose --by disagreement"
        )
    known = [row for row in rows if row["id"] in predictions]
    return sorted(known, key=lambda row: predictions[row["id"]]["confidence"])


def _suspected(rows: Sequence[Row], task: Task, seed: int) -> list[Row]:
    """Documents whose label looks wrong, the least likely label first."""
    from stages.labels.people.guesses import known, suspects  # scikit-learn is slow to import

    asked = {row["id"]: row for row in rows}
    found = suspects(known(task, read_segments("clean", "text"), seed))
    return [asked[name] for name in found if name in asked]


def questions(
    rows: Sequence[Row], texts: Sequence[Segment], guideline: str, predictions: Mapping[str, Row]
) -> list[dict[str, Any]]:
    """What is asked, in order: what a tool shows and what it has to give back."""
    found = texts_of(texts, pa.array([row["id"] for row in rows], pa.string()))
    return [
        {"document": row["id"], "text_digest": row["text_digest"], "guideline": guideline, "text": found[row["id"]]}
        | ({"about": row["about"]} if row["about"] else {})
        | ({"prediction": predictions[row["id"]]} if row["id"] in predictions else {})
        for row in rows
    ]


def write_queue(asked: Sequence[Mapping[str, Any]], task: Task, form: str, output: Path) -> str:
    """Write the file; what to do with it."""
    if form == "label-studio":
        output.write_text(studio_tasks(asked, task.kind), encoding="utf-8")
        interface = output.with_suffix(".xml")
        interface.write_text(studio_interface(task.kind, task.labels, task.relations), encoding="utf-8")
        return f"the project's labelling interface is {interface}; export JSON, then"
    text = doccano_lines(asked) if form == "doccano" else spreadsheet(asked)
    output.write_text(text, encoding="utf-8", newline="")
    return "export JSONL, then" if form == "doccano" else "fill in `label`, then"


def main() -> None:
    """Write a queue; see the module."""
    parser = argparse.ArgumentParser(prog="gristmill label queue")
    parser.add_argument("task")
    parser.add_argument("--budget", type=int, required=True)
    parser.add_argument("--by", choices=ORDERS, default="random")
    parser.add_argument("--format", choices=FORMATS, default="label-studio")
    parser.add_argument("--answers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    if given.budget < 1 or given.answers < 1:
        raise InputError(f"--budget {given.budget} and --answers {given.answers} must be 1 or more")
    task = task_named(given.task)
    _, guideline = guideline_of(task)
    texts = read_segments("clean", "text")
    again = given.by == "suspects"
    rows = askable(task, texts, guideline, given.answers + again)
    predictions = read_predictions(task.name, given.predictions)
    chosen = ordered(given.by, task, rows, predictions, given.seed)[: given.budget]
    advice = write_queue(questions(chosen, texts, guideline, predictions), task, given.format, given.output)
    what = "documents, labelled or not," if again else "documents without an answer"
    print(f"{len(chosen)} of {len(rows)} {what} are in {given.output}")
    if again:
        fresh = {unit_of(row) for row in askable(task, texts, guideline, given.answers)}
        asked = sum(unit_of(row) not in fresh for row in chosen)
        print(f"their labels look wrong; {asked} of them were answered before and are asked about again")
    print(f"{advice} `gristmill label import {task.name} FILE`")


if __name__ == "__main__":
    exit_on_error(main)
