"""evaluate: score four systems on the same test documents, and show what a careless split would have scored.

Reads   finetune/<run>, tokenize/tokens, label/labels, clean/text, crawl/captures (for the leaky score).
Writes  evaluate/predictions  run, id, label, predicted, correct
        evaluate/leaky        the careless split's test rows
        evaluate/report/      metrics.json, confusion_<system>.csv, learning_curves.csv, lesson.txt
Systems majority class; TF-IDF and logistic regression; the network from random and from pretrained weights.
"""

from dataclasses import dataclass, replace

from catalog.errors import InputError, exit_on_error
from catalog.operators import Operator
from catalog.segments import Segment, read_segments
from catalog.stage import Stage
from stages.model.baseline_params import BaselineParams, LeakyParams
from stages.model.device import Device, device_class
from stages.model.predict_params import PredictParams
from stages.model.summary_params import SummaryParams
from stages.model.tables import LEAKY, PREDICTIONS

BASELINES = Operator(
    name="baselines",
    run="stages.model.baseline:baselines",
    params=BaselineParams,
    writes={"predictions": PREDICTIONS},
    libraries=("numpy", "scikit-learn", "scipy"),
)
CARELESS = Operator(
    name="leaky",
    run="stages.model.baseline:leaky",
    params=LeakyParams,
    writes={"leaky": LEAKY},
    libraries=("numpy", "scikit-learn", "scipy"),
)
PREDICT = Operator(
    name="predict",
    run="stages.model.predicting:predict",
    params=PredictParams,
    writes={"predictions": PREDICTIONS},
    libraries=("numpy", "torch", "transformers"),
)
SUMMARISE = Operator(name="summarise", run="stages.model.summary:summarise", params=SummaryParams, libraries=("numpy",))


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateParams:
    """The block `evaluate` of params.yaml."""

    task: str
    leaky_sources: list[str]  # sources whose raw rows, duplicates included, make the leaky score
    longest_run: int = 3  # characters of a TF-IDF term
    min_documents: int = 2  # documents a term must stand in
    inverse_penalty: float = 10.0  # C of the logistic regression
    held_out: float = 0.2  # share of the raw rows that the careless split tests on
    bootstrap_draws: int = 2000
    seed: int = 1
    threads: int = 2
    device: Device = "auto"

    def baseline(self) -> BaselineParams:
        """What the TF-IDF baseline uses."""
        return BaselineParams(
            task=self.task,
            longest_run=self.longest_run,
            min_documents=self.min_documents,
            inverse_penalty=self.inverse_penalty,
        )


def finetuned_runs() -> dict[str, list[Segment]]:
    """The files of each run of `finetune`, by its name, in the order in which they were trained."""
    runs: dict[str, list[Segment]] = {}
    for segment in read_segments("finetune"):
        runs.setdefault(segment.table, []).append(segment)
    if not runs:
        raise InputError("finetune trained nothing; run `dvc repro finetune`")
    return runs


def evaluate(stage: Stage, params: EvaluateParams) -> None:
    """Predict with every system, then write the report."""
    tokens, labels, texts = stage.read("tokenize/tokens"), stage.read("label/labels"), stage.read("clean/text")
    baseline = params.baseline()
    careless = LeakyParams(sources=params.leaky_sources, held_out=params.held_out, seed=params.seed, baseline=baseline)
    predictions = stage.reduce(BASELINES, tokens, labels, texts, params=baseline)["predictions"]
    runs = finetuned_runs()
    device = device_class(params.device)
    for run, files in runs.items():
        chosen = PredictParams(run=run, task=params.task, threads=params.threads, device=device)
        operator = replace(PREDICT, name=f"predict.{run}")
        predictions += stage.reduce(operator, files, tokens, labels, params=chosen)["predictions"]
    leaky = stage.reduce(CARELESS, stage.read("crawl/captures"), params=careless)["leaky"]
    curves = [segment for files in runs.values() for segment in files if segment.path.name == "curve.json"]
    summary = SummaryParams(bootstrap_draws=params.bootstrap_draws, seed=params.seed)
    report = stage.build(SUMMARISE, predictions, leaky, curves, name="report", params=summary)
    print(next(part.path for part in report if part.path.name == "lesson.txt").read_text(encoding="utf-8"))


def main() -> None:
    """Run the stage in the current directory."""
    with Stage("evaluate", params=[EvaluateParams]) as stage:
        evaluate(stage, stage.params[EvaluateParams])


if __name__ == "__main__":
    exit_on_error(main)
