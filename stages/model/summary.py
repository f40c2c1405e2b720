"""The report of `evaluate`: from predictions to numbers and plots.

Reads   evaluate/predictions, evaluate/leaky, curve.json of each run of `finetune`.
Writes  metrics.json (dvc metrics), confusion_<system>.csv and learning_curves.csv (dvc plots), and lesson.txt.

metrics.json: a block a system with accuracy, macro_f1 and the 95 % Wilson interval; blocks with seeds have one block a
seed, and mean and deviation; `gain` is pretrained - scratch, seed by seed, with a bootstrap interval over documents.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.segments import Segment
from stages.model.metrics import (
    Labels,
    accuracy,
    bootstrap_difference,
    macro_f1,
    mean_and_deviation,
    wilson,
)
from stages.model.summary_params import SummaryParams

SINGLE = ("majority", "tfidf")
SEEDED = ("scratch", "pretrained")
PLACES = 4  # decimals of a share


@dataclass(frozen=True, slots=True)
class Outcome:
    """Right and predicted classes of one run, [test documents]."""

    labels: Labels
    predicted: Labels

    @property
    def right(self) -> np.ndarray:
        """Is each prediction right?"""
        return self.labels == self.predicted


def summarise(
    predictions: list[Segment], leaky: list[Segment], runs: list[Segment], params: SummaryParams, out: Path
) -> None:
    """Write the four files of the report."""
    outcomes = outcomes_of(predictions)
    metrics = metrics_of(outcomes, pa.concat_tables([segment.read() for segment in leaky]), params)
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "lesson.txt").write_text(lesson(metrics), encoding="utf-8")
    for system in (*SINGLE, *SEEDED):
        _write_csv(out / f"confusion_{system}.csv", ["run", "actual", "predicted"], confusion_rows(outcomes, system))
    curves = {seg.table: json.loads(seg.path.read_text("utf-8")) for seg in runs if seg.path.name == "curve.json"}
    _write_csv(out / "learning_curves.csv", ["run", "epoch", "loss", "accuracy"], curve_rows(curves))


def outcomes_of(predictions: list[Segment]) -> dict[str, Outcome]:
    """The outcome of each run, all on the same documents in the same order. Raises ValueError where they are not."""
    rows = pa.concat_tables([segment.read(["run", "id", "label", "predicted"]) for segment in predictions])
    found: dict[str, Outcome] = {}
    seen: set[tuple[str, ...]] = set()
    runs = np.array(rows["run"].to_pylist())
    for run in dict.fromkeys(runs.tolist()):
        mine = rows.filter(pa.array(runs == run)).sort_by("id")
        seen.add(tuple(mine["id"].to_pylist()))
        found[run] = Outcome(np.array(mine["label"].to_pylist()), np.array(mine["predicted"].to_pylist()))
    if len(seen) != 1:
        raise ValueError(f"the runs {sorted(found)} were not scored on the same test documents")
    return found


def metrics_of(outcomes: Mapping[str, Outcome], leaky: pa.Table, params: SummaryParams) -> dict[str, Any]:
    """The content of metrics.json."""
    metrics: dict[str, Any] = {run: scores(outcomes[run]) for run in SINGLE}
    for system in SEEDED:
        metrics[system] = seeded(outcomes, system)
    metrics["gain"] = gain(outcomes, params)
    metrics["leaky"] = {
        "accuracy": rounded(accuracy(np.array(leaky["label"]), np.array(leaky["predicted"]))),
        "in_train": rounded(float(np.mean(leaky["in_train"].to_pylist()))),
        "rows": leaky.num_rows,
    }
    return metrics | {
        "test_documents": len(outcomes["majority"].labels),
        "score_tfidf": metrics["tfidf"]["accuracy"],
        "score_scratch": metrics["scratch"]["accuracy_mean"],
        "score_pretrained": metrics["pretrained"]["accuracy_mean"],
        "leaky_score": metrics["leaky"]["accuracy"],
    }


def scores(outcome: Outcome) -> dict[str, float]:
    """Accuracy, macro F1 and the interval of the accuracy."""
    share = accuracy(outcome.labels, outcome.predicted)
    low, high = wilson(share, len(outcome.labels))
    found = {"accuracy": share, "macro_f1": macro_f1(outcome.labels, outcome.predicted), "low": low, "high": high}
    return {name: rounded(value) for name, value in found.items()}


def seeds_of(outcomes: Mapping[str, Outcome], system: str) -> dict[str, Outcome]:
    """`seed-N` -> outcome of the runs of one system."""
    return {run.removeprefix(f"{system}-"): found for run, found in outcomes.items() if run.startswith(f"{system}-")}


def seeded(outcomes: Mapping[str, Outcome], system: str) -> dict[str, Any]:
    """Scores by seed, and their mean and deviation."""
    by_seed = {seed: scores(outcome) for seed, outcome in seeds_of(outcomes, system).items()}
    block: dict[str, Any] = dict(by_seed)
    for metric in ("accuracy", "macro_f1"):
        mean, deviation = mean_and_deviation([found[metric] for found in by_seed.values()])
        block |= {f"{metric}_mean": rounded(mean), f"{metric}_deviation": rounded(deviation)}
    return block


def gain(outcomes: Mapping[str, Outcome], params: SummaryParams) -> dict[str, float]:
    """Accuracy bought by pretraining: pretrained - scratch, seed by seed."""
    scratch, pretrained = (seeds_of(outcomes, system) for system in SEEDED)
    differences = {seed: float(pretrained[seed].right.mean() - scratch[seed].right.mean()) for seed in scratch}
    mean, deviation = mean_and_deviation(list(differences.values()))
    low, high = bootstrap_difference(
        [found.right for found in scratch.values()],
        [found.right for found in pretrained.values()],
        params.bootstrap_draws,
        params.seed,
    )
    found = differences | {"mean": mean, "deviation": deviation, "low": low, "high": high}
    return {name: rounded(value) for name, value in found.items()}


def rounded(value: float) -> float:
    """To the decimals of the report."""
    return round(value, PLACES)


def lesson(metrics: Mapping[str, Any]) -> str:
    """What to remember, in four lines."""
    leaky, earned = metrics["leaky"], metrics["gain"]
    return (
        f"Raw reviews, random split: {leaky['in_train']:.0%} of the test rows stand in train, "
        f"and TF-IDF scores {leaky['accuracy']:.1%}.\n"
        f"Without duplicates and contradictions, split by cluster: TF-IDF scores {metrics['score_tfidf']:.1%} "
        f"({metrics['tfidf']['low']:.1%} to {metrics['tfidf']['high']:.1%}) "
        f"on {metrics['test_documents']:,} documents.\n"
        f"The network: {metrics['score_scratch']:.1%} from random weights, "
        f"{metrics['score_pretrained']:.1%} pretrained.\n"
        f"Pretraining bought {100 * earned['mean']:+.1f} points "
        f"(95 % interval {100 * earned['low']:+.1f} to {100 * earned['high']:+.1f}).\n"
    )


def confusion_rows(outcomes: Mapping[str, Outcome], system: str) -> list[list[Any]]:
    """run, actual, predicted: a row for each prediction of a system's runs, the form that `dvc plots` counts."""
    mine = {run: outcome for run, outcome in outcomes.items() if run == system or run.startswith(f"{system}-")}
    return [
        [run, *pair]
        for run, outcome in mine.items()
        for pair in zip(outcome.labels.tolist(), outcome.predicted.tolist(), strict=True)
    ]


def curve_rows(curves: Mapping[str, list[dict[str, float]]]) -> list[list[Any]]:
    """run, epoch, loss, accuracy: a row for each epoch of each run."""
    return [[run, point["epoch"], point["loss"], point["accuracy"]] for run, curve in curves.items() for point in curve]


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
