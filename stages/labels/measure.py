"""Measure: how far annotators agree, per source and over the whole task.

Reads   clean/text (digests), dedup/verdicts, and the votes of one task.
Writes  label/agreement: alpha (interval on scores where there are any, nominal on labels, MASI on sets of classes),
        kappas, F1 of spans and of relations, and the share of equal pairs, in millionths; no row where a measure is
        not defined.

A unit is a text (and the second text that the votes are about); the votes on all its exact duplicates are its values,
so two copies of a review with different given labels are a disagreement of the source with itself. Functions are not a
panel of equals: see `scores.py`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import AGREEMENT, VOTES
from stages.labels.agreement import (
    fleiss_kappa,
    krippendorff_alpha,
    mean_cohen_kappa,
    mean_pairwise_f1,
    pairable,
    per_million,
    percent_agreement,
    value_counts,
)
from stages.labels.documents import Readable, codes, documents_of, positions, stacked, unit_names
from stages.labels.resolve import PREFIXES
from stages.labels.values import ONE_CLASS, Kind, spans_in

Row = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureParams:
    """Task and label set whose agreement is measured; votes outside of a set of classes are left out."""

    task: str
    kind: Kind
    labels: list[str]


def measured(params: MeasureParams, scope: str, votes: pa.Table, labels: pa.Array) -> Iterator[Row]:
    """Rows of `label/agreement` for votes with the columns subject, unit, annotator, label, score."""
    unit = codes(votes["unit"])[0]
    label = positions(votes["label"], labels)
    counts = value_counts(unit, label, len(labels))
    shares = {"percent_agreement": percent_agreement(counts)}
    if params.kind in ONE_CLASS:
        shares |= of_classes(votes, counts, label)
    elif params.kind == "multilabel":
        sets = [frozenset(json.loads(value)) for value in labels.to_pylist()]
        shares["krippendorff_alpha_masi"] = krippendorff_alpha(counts, "masi", sets)
    else:
        shares |= of_marks(votes, params.kind)
    for metric, share in sorted(shares.items()):
        if share is not None:
            yield {
                "task": params.task, "scope": scope, "metric": metric, "value": per_million(share),
                "items": len(pairable(counts)), "annotators": pc.count_distinct(votes["annotator"]).as_py(),
            }  # fmt: skip


def of_classes(votes: pa.Table, counts: np.ndarray, label: np.ndarray) -> dict[str, Fraction | None]:
    """Alpha and kappas of one class for each unit; `counts` by unit and class, `label` the class of each vote."""
    subject, annotator = codes(votes["subject"])[0], codes(votes["annotator"])[0]
    shares = {
        "cohen_kappa": mean_cohen_kappa(subject, annotator, label, counts.shape[1]),
        "fleiss_kappa": fleiss_kappa(counts),
        "krippendorff_alpha_nominal": krippendorff_alpha(counts, "nominal"),
    }
    if not votes["score"].null_count:
        code, scores = codes(votes["score"])
        by_score = value_counts(codes(votes["unit"])[0], code, len(scores))
        shares["krippendorff_alpha_interval"] = krippendorff_alpha(by_score, "interval", scores.to_pylist())
    return shares


def of_marks(votes: pa.Table, kind: str) -> dict[str, Fraction | None]:
    """F1 of spans, and of relations (with the spans that they join), where they are equal in all."""
    spans: dict[str, dict[str, frozenset[Any]]] = {}
    links: dict[str, dict[str, frozenset[Any]]] = {}
    for row in votes.select(["annotator", "subject", "label"]).sort_by("label").to_pylist():
        value = json.loads(row["label"])
        marked = [tuple(span) for span in spans_in(kind, value)]
        spans.setdefault(row["annotator"], {}).setdefault(row["subject"], frozenset(marked))
        if kind == "relations":
            joined = frozenset((marked[start], marked[stop], name) for start, stop, name in value["relations"])
            links.setdefault(row["annotator"], {}).setdefault(row["subject"], joined)
    return {"span_f1": mean_pairwise_f1(spans), "relation_f1": mean_pairwise_f1(links)}


def scoped(votes: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The whole task as `all`, then each source by name."""
    yield "all", votes
    for source in sorted(pc.unique(votes["source"]).to_pylist()):
        yield source, votes.filter(pc.equal(votes["source"], source))


def panel(votes: pa.Table) -> pa.Table:
    """The votes of those whose agreement says something: of two people or more, else of raters, else of the sources."""
    for kind, least in (("people", 2), ("ratings", 1), ("given", 1)):
        asked = votes.filter(pc.starts_with(votes["annotator"], PREFIXES[kind]))
        if pc.count_distinct(asked["annotator"]).as_py() >= least:
            return asked
    return votes.slice(0, 0)


def agreement_table(documents: pa.Table, votes: pa.Table, params: MeasureParams) -> pa.Table:
    """`label/agreement` of one task: people where people rated, else the source with itself."""
    labels = pa.array(params.labels, pa.string()) if params.kind in ONE_CLASS else codes(votes["label"])[1]
    about = positions(votes["id"], documents["id"])
    counted = pa.array((about >= 0) & (positions(votes["label"], labels) >= 0))
    votes, about = votes.filter(counted), pa.array(about).filter(counted)
    votes = votes.append_column("subject", unit_names(votes["id"], votes["about"]))
    votes = votes.append_column("unit", unit_names(documents["text_digest"].take(about), votes["about"]))
    votes = votes.append_column("source", documents["source"].take(about))
    rows = [row for scope, part in scoped(panel(votes)) for row in measured(params, scope, part, labels)]
    return pa.Table.from_pylist(rows, schema=AGREEMENT.remove_metadata())


def measure(
    texts: Sequence[Readable], clusters: Sequence[Readable], votes: Sequence[Readable], *, params: MeasureParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """`agreement` of one task, for the key `all`."""
    ballots = stacked(votes, ["id", "annotator", "about", "label", "score"], VOTES)
    yield "agreement", "all", agreement_table(documents_of(texts, clusters), ballots, params)
