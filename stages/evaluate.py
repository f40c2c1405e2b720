"""evaluate: score every system on the same test texts, and say how far the scores can be trusted.

Reads   finetune/units and its runs, tokenize/tokens and vocabulary, pretrain/model, crawl/captures (for the leaky
        score).
Writes  evaluate/predictions    what each run said of each test text
        evaluate/contamination  runs of tokens that a test text shares with what was pretrained on
        evaluate/likelihood     bits that the pretrained network needs for each test text
        evaluate/leaky          the careless split's test rows, where `leaky_sources` names any
        evaluate/metrics        every number, by run, system, seed and slice, with its interval
        evaluate/runs           what must be equal where runs are compared
        evaluate/report/        metrics.json, confusion_<system>.csv, learning_curves.csv, lesson.txt
Systems those of `finetune`, and yardsticks without a network (stages/model/evaluation/baseline.py).
"""

import json
import sys
from dataclasses import dataclass, field

from catalog.errors import InputError, exit_on_error
from catalog.events import say
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Stage
from catalog.schema import CATALOG
from catalog.segments import Segment, read_segments
from stages.model.evaluation.baseline_params import BaselineParams, LeakyParams, YardsticksParams
from stages.model.evaluation.likelihood_params import LikelihoodParams
from stages.model.evaluation.predict_params import PredictParams
from stages.model.evaluation.summary_params import SummaryParams
from stages.model.finetuning.kinds import module_of
from stages.model.tables import CONTAMINATION, LEAKY, LIKELIHOOD, PREDICTIONS
from stages.model.training.device import Device, device_class

LEARNED = ("numpy", "scikit-learn", "scipy")
NETWORK = ("numpy", "tokenizers", "torch", "transformers")
BASELINES = Operator(
    name="baselines", run="stages.model.evaluation.baseline:baselines", params=YardsticksParams,
    writes={"predictions": PREDICTIONS}, libraries=LEARNED,
)  # fmt: skip
CARELESS = Operator(
    name="leaky",
    run="stages.model.evaluation.baseline:leaky",
    params=LeakyParams,
    writes={"leaky": LEAKY},
    libraries=LEARNED,
)
CONTAMINATED = Operator(
    name="contamination", run="stages.model.evaluation.contamination:contamination",
    writes={"contamination": CONTAMINATION}, libraries=("numpy", "tokenizers"),
)  # fmt: skip
LIKELY = Operator(
    name="likelihood", run="stages.model.evaluation.likelihood:likelihood", params=LikelihoodParams,
    writes={"likelihood": LIKELIHOOD}, libraries=NETWORK,
)  # fmt: skip
MEASURE = Operator(
    name="measure", run="stages.model.evaluation.measuring:measure", params=SummaryParams,
    writes={name: CATALOG[name] for name in ("metrics", "runs")}, libraries=("numpy",),
)  # fmt: skip
SUMMARISE = Operator(name="summarise", run="stages.model.evaluation.summary:summarise")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateParams:
    """The block `evaluate` of params.yaml."""

    leaky_sources: list[str] = field(default_factory=list)  # whose raw rows, duplicates included, make the leaky score
    longest_run: int = 3  # characters of a TF-IDF term
    min_documents: int = 2  # documents a term must stand in
    inverse_penalty: float = 10.0  # C of the logistic regression
    held_out: float = 0.2  # share of the raw rows that the careless split tests on
    bootstrap_draws: int = 2000  # resamples behind each interval
    seed: int = 1  # of the resamples and the careless split
    threads: int = 2  # of the models that predict
    device: Device = "auto"  # auto: cuda where there is one

    def baseline(self) -> BaselineParams:
        """What the TF-IDF baseline uses."""
        return BaselineParams(
            longest_run=self.longest_run,
            min_documents=self.min_documents,
            inverse_penalty=self.inverse_penalty,
        )


def finetuned_runs() -> dict[str, list[Segment]]:
    """The files of each run of `finetune`, by its name, in the order in which they were trained."""
    runs: dict[str, list[Segment]] = {}
    for segment in read_segments("finetune"):
        if "-seed-" in segment.table:
            runs.setdefault(segment.table, []).append(segment)
    if not runs:
        raise InputError("finetune trained nothing; run `dvc repro finetune`")
    return runs


def named(runs: dict[str, list[Segment]], name: str) -> list[Segment]:
    """The file of that name of each run."""
    return [segment for files in runs.values() for segment in files if segment.path.name == name]


def predicted(
    stage: Stage, params: EvaluateParams, runs: dict[str, list[Segment]], units: list[Segment]
) -> list[Segment]:
    """What every run says of the test texts."""
    device = device_class(params.device)
    found = []
    for run, files in runs.items():
        said = json.loads(named({run: files}, "run.json")[0].path.read_text(encoding="utf-8"))
        chosen = PredictParams(run=run, produced=said["kind"] == "generation", threads=params.threads, device=device)
        operator = Operator(
            name=f"predict.{run}", run=f"{module_of(said['kind'], said['generator'])}:predict", params=PredictParams,
            writes={"predictions": PREDICTIONS}, libraries=NETWORK,
        )  # fmt: skip
        found += stage.reduce(operator, files, units, params=chosen)["predictions"]
    return found


def evaluate(stage: Stage, params: EvaluateParams) -> None:
    """Predict with every system, measure, then write the report."""
    runs = finetuned_runs()
    units = [segment for segment in stage.read("finetune/units") if segment.rows]
    model, tokens, vocabulary = (
        stage.read(table) for table in ("pretrain/model", "tokenize/tokens", "tokenize/vocabulary")
    )
    identities = named(runs, "run.json")
    kind = json.loads(identities[0].path.read_text(encoding="utf-8"))["kind"]
    yardsticks = YardsticksParams(kind=kind, baseline=params.baseline())
    predictions = stage.reduce(BASELINES, units, params=yardsticks)["predictions"]
    predictions += predicted(stage, params, runs, units)
    seen = [part for part in model if part.path.name == "documents.txt"]  # other weights share no other runs
    shared = stage.reduce(CONTAMINATED, units, vocabulary, tokens, seen)["contamination"]
    where = LikelihoodParams(threads=params.threads, device=device_class(params.device))
    likely = stage.reduce(LIKELY, units, model, params=where)["likelihood"]
    leaky = []
    if params.leaky_sources:
        careless = LeakyParams(
            sources=params.leaky_sources, held_out=params.held_out, seed=params.seed, baseline=params.baseline()
        )
        leaky = stage.reduce(CARELESS, stage.read("crawl/captures"), params=careless)["leaky"]
    how = SummaryParams(kind=kind, bootstrap_draws=params.bootstrap_draws, seed=params.seed)
    measured = stage.reduce(MEASURE, predictions, units, identities, shared, likely, leaky, params=how)
    report = stage.build(SUMMARISE, measured["metrics"], predictions, named(runs, "curve.json"), name="report")
    lesson = next(part.path for part in report if part.path.name == "lesson.txt").read_text(encoding="utf-8")
    say(lesson, event="lesson", to=sys.stdout)


def main() -> None:
    """Run the stage in the current directory."""
    with Stage("evaluate", params=[EvaluateParams]) as stage:
        evaluate(stage, stage.params[EvaluateParams])


if __name__ == "__main__":
    exit_on_error(main)
