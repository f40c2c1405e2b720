"""labels: how fast labelling functions and imports are, whether agreement is right, whether planted errors are found.

It reads the corpus that is built in this folder (`make repro`) and writes nothing into it; `make test` has installed
the reference implementations. Seconds of import are by the clock, all else is CPU time of one process.

    lf_docs_s        documents a second and core that a labelling function in SQL votes on, over 35,000 documents
    python_docs_s    the same of the slowest function in Python that ships
    import_s         10,000 annotations of Label Studio, from its export into the log
    reimport_added   rows that the same export adds when it is imported again; must be 0
    agreement_error  largest difference of an agreement figure from that of a reference implementation, on published
                     examples: alpha and Fleiss' kappa from nltk, Cohen's kappa from scikit-learn, F1 from nervaluate
    suspects         of 5,000 labels of sentiment_zh, of which 5 % were turned round: how many `--by suspects` would ask
                     about, the share of them that was turned round (precision; and of the first of them, as many as
                     were turned round), and the share of those found (recall)

`--quick` takes 5,000 documents, 10,000 annotations and 2,000 labels.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import file_sha256
from catalog.incremental.operators import resolve
from catalog.segments import read_segments
from stages.labels import functions
from stages.labels.agreement import fleiss_kappa, krippendorff_alpha, mean_cohen_kappa, mean_pairwise_f1, value_counts
from stages.labels.functions import FunctionVotes
from stages.labels.people.asked import task_named
from stages.labels.people.guesses import Known, known, suspects
from stages.labels.people.importing import Unsaid, take_in
from stages.labels.predicates import PredicateVotes, predicate_votes
from stages.labels.splits import HASH_RANGE, cluster_position

DOCUMENTS, ANNOTATIONS = 35_000, 10_000
PREDICATE = "select id, 'positive' as label from documents where words > 20 and text like '%!%' and text not like '%?%'"
PLANTED = 0.05  # labels turned round / labels

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# Ten subjects, fourteen raters and five categories, as the encyclopedia entry on Fleiss' kappa prints them.
RATERS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def run(quick: bool) -> dict[str, Any]:
    """The figures named in the module."""
    texts, signals = _documents(5_000 if quick else DOCUMENTS)
    seconds, added = imported()
    return {
        "documents": sum(map(len, texts)),
        "lf_docs_s": round(_predicate_speed(texts, signals)),
        "python_docs_s": round(min(_function_speed(name, texts) for name in functions.function_names())),
        "import_s": round(seconds, 2),
        "reimport_added": added,
        "agreement_error": max(agreement_errors().values()),
        "suspects": planted(2_000 if quick else 5_000),
    }


def _documents(count: int) -> tuple[list[pa.Table], list[pa.Table]]:
    """Texts and signals of the first documents, segment by segment."""
    signals = {segment.key: segment for segment in read_segments("clean", "signals")}
    texts: list[pa.Table] = []
    measured = []
    for segment in read_segments("clean", "text"):
        rows = segment.read().slice(0, count - sum(len(one) for one in texts))
        if len(rows):
            texts.append(rows)
            measured.append(signals[segment.key].read())
    return texts, measured


def _predicate_speed(texts: list[pa.Table], signals: list[pa.Table]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "exclaims.sql")
        path.write_text(PREDICATE, encoding="utf-8")
        how = PredicateVotes(
            task="t", sources=[], languages=[], labels=["positive"], function=str(path.with_suffix(""))
        )
        predicate_votes(texts[0].slice(0, 10), signals[0], params=how)  # DuckDB is loaded
        start = time.process_time()
        for rows, measured in zip(texts, signals, strict=True):
            predicate_votes(rows, measured, params=how)
        return sum(map(len, texts)) / (time.process_time() - start)


def _function_speed(name: str, texts: list[pa.Table]) -> float:
    """Documents of the function's language a second."""
    how = FunctionVotes(task="t", sources=[], languages=[name[-2:]], labels=["positive", "negative"])
    run_on = resolve(functions.reference(name))
    start = time.process_time()
    for rows in texts:
        run_on(rows, params=how)
    spoken = sum(pc.sum(pc.equal(rows["language"], name[-2:])).as_py() or 0 for rows in texts)
    return spoken / (time.process_time() - start) if spoken else float("inf")


@contextmanager
def _shadow() -> Iterator[None]:
    """A folder in which the built stages are seen, and whose log of answers is its own."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="gristmill-labels-") as folder:
        shutil.copy(home / "params.yaml", folder)
        shutil.copytree(home / "data" / "guidelines", Path(folder, "data/guidelines"))
        for stage in ("crawl", "clean", "dedup", "label"):
            Path(folder, "data", stage).symlink_to(home / "data" / stage)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(home)


def imported() -> tuple[float, int]:
    """Seconds of the first import, and the rows that the second one adds."""
    with _shadow():
        task = task_named("sentiment_en")
        version = file_sha256(Path(task.guideline))
        path = Path("export.json")
        path.write_text(json.dumps(list(_export(task.labels, version)), ensure_ascii=False), encoding="utf-8")
        unsaid = Unsaid(annotator="", guideline="", created_at="2026-01-01T00:00:00.000000Z")
        start = time.monotonic()
        first = take_in(task, [path], unsaid)
        seconds = time.monotonic() - start
        if len(first.added) != ANNOTATIONS:
            raise SystemExit(f"{len(first.added)} of {ANNOTATIONS} annotations were imported: {first.text()}")
        return seconds, len(take_in(task, [path], unsaid).added)


def _export(labels: list[str], version: str) -> Iterator[dict[str, Any]]:
    """What Label Studio exports when each document was given one of the labels in turn."""
    rows = pa.concat_tables(segment.read(["id", "text", "text_digest"]) for segment in read_segments("clean", "text"))
    for place, row in enumerate(rows.slice(0, ANNOTATIONS).to_pylist()):
        data = {"document": row["id"], "text_digest": row["text_digest"], "text": row["text"], "guideline": version}
        choice = {"choices": [labels[place % len(labels)]]}
        result = {"from_name": "label", "to_name": "text", "type": "choices", "value": choice}
        answer = {"id": place, "completed_by": place % 5, "result": [result], "was_cancelled": False,
                  "updated_at": "2026-01-01T10:00:00.5Z"}  # fmt: skip
        yield {"id": place, "data": data, "annotations": [answer]}


def agreement_errors() -> dict[str, float]:
    """Largest difference from a reference implementation, by figure."""
    from nervaluate import Evaluator
    from nltk.metrics import interval_distance, masi_distance
    from nltk.metrics.agreement import AnnotationTask
    from sklearn.metrics import cohen_kappa_score

    votes = [(f"{who}", unit, value) for who, row in enumerate(OBSERVERS) for unit, value in enumerate(row) if value]
    sets = [
        (who, unit, frozenset(f"{part}" for part in range(1, 6) if value % part == 0)) for who, unit, value in votes
    ]
    graded = [(f"{who}", unit, value) for unit, row in enumerate(RATERS)
              for who, value in enumerate(np.repeat(np.arange(5), row).tolist())]  # fmt: skip
    pair = [(a, b) for a, b in zip(OBSERVERS[1], OBSERVERS[2], strict=True) if a and b]
    codes = np.array(pair, np.int64)
    two = {"a": {"x": frozenset([(1, 3, "A"), (5, 7, "B")])}, "b": {"x": frozenset([(1, 3, "A"), (5, 8, "B")])}}
    sides = [
        [[{"start": start, "end": stop, "label": name} for start, stop, name in sorted(said["x"])]]
        for said in two.values()
    ]
    strict = Evaluator(*sides, tags=["A", "B"], loader="dict").evaluate()["overall"]["strict"]
    pairs = {
        "alpha_nominal": (_alpha(votes, "nominal"), AnnotationTask(votes).alpha()),
        "alpha_interval": (_alpha(votes, "interval"), AnnotationTask(votes, distance=interval_distance).alpha()),
        "alpha_masi": (_alpha(sets, "masi"), AnnotationTask(sets, distance=masi_distance).alpha()),
        "fleiss_kappa": (fleiss_kappa(np.array(RATERS)), AnnotationTask(graded).pi()),
        "cohen_kappa": (
            mean_cohen_kappa(np.repeat(np.arange(len(pair)), 2), np.tile([0, 1], len(pair)), codes.ravel(), 6),
            cohen_kappa_score(codes[:, 0], codes[:, 1]),
        ),
        "f1": (
            mean_pairwise_f1(two),
            strict.f1,
        ),
    }
    return {name: abs(float(ours or 0) - theirs) for name, (ours, theirs) in pairs.items()}


def _alpha(votes: list[tuple[str, int, Any]], level: str) -> Any:
    values = sorted({value for *_, value in votes}, key=lambda value: sorted(value) if level == "masi" else value)
    units = np.array([unit for _, unit, _ in votes], np.int64)
    codes = np.array([values.index(value) for *_, value in votes], np.int64)
    return krippendorff_alpha(value_counts(units, codes, len(values)), level, values)


def planted(count: int) -> dict[str, Any]:
    """What `--by suspects` would ask about where some labels were turned round, by a hash of the document."""
    documents = _labelled(known(task_named("sentiment_zh"), read_segments("clean", "text")), count)
    classes = documents.classes
    wrong = {name for name in documents.ids if cluster_position(7, name) < PLANTED * HASH_RANGE}
    turned = [
        classes[1 - classes.index(str(label))] if name in wrong else label
        for name, label in zip(documents.ids, documents.labels, strict=True)
    ]
    found = suspects(replace(documents, labels=turned))
    first = found[: len(wrong)]
    return {
        "labels": len(turned), "planted": len(wrong), "asked": len(found),
        "precision": round(len(wrong.intersection(found)) / max(len(found), 1), 3),
        "precision_first": round(len(wrong.intersection(first)) / max(len(first), 1), 3),
        "recall": round(len(wrong.intersection(found)) / len(wrong), 3),
    }  # fmt: skip


def _labelled(documents: Known, count: int) -> Known:
    """The first documents that have a label."""
    at = np.flatnonzero(documents.labelled())[:count].tolist()
    return replace(
        documents, ids=[documents.ids[place] for place in at], texts=[documents.texts[place] for place in at],
        labels=[documents.labels[place] for place in at], folds=documents.folds[at],
    )  # fmt: skip
