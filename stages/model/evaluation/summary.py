"""The report of `evaluate`: the numbers of evaluate/metrics for DVC and for people.

Reads   evaluate/metrics, evaluate/predictions, curve.json of each run of `finetune`.
Writes  metrics.json (dvc metrics), confusion_<system>.csv and learning_curves.csv (dvc plots), and lesson.txt.

metrics.json: a block a system with its measures on the whole test split and the 95 % interval of the first of them;
blocks with seeds have one block a seed, and mean and deviation; `gain` is pretrained - scratch, seed by seed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.segments import Segment

CONFUSED = ("tfidf", "scratch", "pretrained")  # systems whose confusions are plotted
GAIN = "pretrained - scratch"
PLACES = 4  # decimals of a share
Row = dict[str, Any]


def summarise(metrics: list[Segment], predictions: list[Segment], curves: list[Segment], out: Path) -> None:
    """Write the files of the report."""
    rows = [row for segment in metrics for row in segment.read().to_pylist() if row["slice"] == "all"]
    report = report_of(rows)
    (out / "metrics.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "lesson.txt").write_text(lesson(report), encoding="utf-8")
    said = pa.concat_tables([segment.read() for segment in predictions])
    for system in CONFUSED:
        _write_csv(out / f"confusion_{system}.csv", ["run", "actual", "predicted"], confusion_rows(said, system))
    points = {seg.table: json.loads(seg.path.read_text("utf-8")) for seg in curves}
    _write_csv(out / "learning_curves.csv", ["run", "epoch", "loss", "score"], curve_rows(points))


def report_of(rows: Sequence[Row]) -> dict[str, Any]:
    """The content of metrics.json, from the rows about the whole test split."""
    report: dict[str, Any] = {}
    for row in rows:
        if row["run"] == "evaluate":
            report[row["metric"]] = rounded(row["value"])
        elif row["system"] == GAIN or " - " not in row["system"]:
            _place(report.setdefault("gain" if row["system"] == GAIN else row["system"], {}), row)
    if "leaky" in report:
        report["leaky"]["rows"] = next(row["units"] for row in rows if row["system"] == "leaky")
    return report


def _place(block: dict[str, Any], row: Row) -> None:
    """Put a number where it belongs in the block of its system."""
    seeds = any(name.startswith("seed-") for name in block)
    if row["seed"] is not None:
        block = block.setdefault(f"seed-{row['seed']}", {})
    name = row["metric"] if row["seed"] is not None or not seeds or row["metric"].endswith("_deviation") else (
        f"{row['metric']}_mean"
    )  # fmt: skip
    block[name] = rounded(row["value"])
    if row["low"] is not None and "low" not in block:
        block |= {"low": rounded(row["low"]), "high": rounded(row["high"])}


def rounded(value: float) -> float:
    """To the decimals of the report."""
    return round(value, PLACES)


def lesson(report: Mapping[str, Any]) -> str:
    """What to remember, a line a point."""
    return "".join(f"{line}\n" for line in _points(report))


def _points(report: Mapping[str, Any]) -> Iterator[str]:
    documents = report["test_documents"]
    if leaky := report.get("leaky"):
        yield (
            f"Raw reviews, random split: {leaky['in_train']:.0%} of the test rows stand in train, "
            f"and TF-IDF scores {leaky['accuracy']:.1%}."
        )
    if tfidf := report.get("tfidf"):
        yield (
            f"Without duplicates and contradictions, split by cluster: TF-IDF scores {report['score_tfidf']:.1%} "
            f"({tfidf['low']:.1%} to {tfidf['high']:.1%}) on {documents:,.0f} documents."
        )
    named = {"scratch": "from random weights", "pretrained": "pretrained"}
    found = [f"{report[f'score_{name}']:.1%} {how}" for name, how in named.items() if f"score_{name}" in report]
    if found:
        yield f"The network: {', '.join(found)}."
    if earned := report.get("gain"):
        mean = next(value for name, value in earned.items() if name.endswith("_mean"))
        yield (
            f"Pretraining bought {100 * mean:+.1f} points "
            f"(95 % interval {100 * earned['low']:+.1f} to {100 * earned['high']:+.1f})."
        )


def confusion_rows(said: pa.Table, system: str) -> list[list[Any]]:
    """run, actual, predicted: a row for each prediction of a system's runs, the form that `dvc plots` counts."""
    rows = said.select(["run", "label", "predicted"]).to_pylist()
    return [list(row.values()) for row in rows if row["run"].partition("-seed-")[0] == system]


def curve_rows(curves: Mapping[str, list[dict[str, float]]]) -> list[list[Any]]:
    """run, epoch, loss, score: a row for each epoch of each run."""
    return [[run, point["epoch"], point["loss"], point["score"]] for run, curve in curves.items() for point in curve]


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
