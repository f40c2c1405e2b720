"""finetune: train classifiers of one task, from random and from pretrained weights, with several seeds.

Reads   tokenize/tokens, tokenize/vocabulary, label/labels, pretrain/model, and augment/children if `use_augmented`.
Writes  finetune/<system>-seed-<n>/  encoder/, head.safetensors, classifier.json, the tokenizer,
        curve.json, documents.txt (the ids it was trained on)

Both systems have the same network, data order, epochs and rate; they differ in the weights they start from. A task
that is not fit by its own standards (label/tasks) is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from catalog.errors import GristmillError, exit_on_error
from catalog.operators import Operator
from catalog.segments import Segment
from catalog.stage import Job, Stage
from stages.model.device import device_class
from stages.model.finetune_params import SYSTEMS, FinetuneParams, RunParams, RunsParams

FINETUNE = Operator(
    name="finetune",
    run="stages.model.classifying:finetune",
    params=RunParams,
    libraries=("numpy", "tokenizers", "torch", "transformers"),
)


def refuse_unfit(tasks: Sequence[Segment], task: str, accept: bool) -> None:
    """Errors: GristmillError for a task of another kind, or one that `label/tasks` says is not fit, unless accepted."""
    for row in [row for segment in tasks for row in segment.read().to_pylist() if row["task"] == task]:
        if row["kind"] != "classification":
            raise GristmillError(
                f"finetune trains on tasks of kind classification, and `{task}` is of kind {row['kind']}; name another "
                "under finetune.task"
            )
        if row["unfit"] and not accept:
            raise GristmillError(
                f"the task `{task}` is not fit for training: {row['unfit']}; or set finetune.accept_unfit: true"
            )


def jobs(stage: Stage, how: FinetuneParams, seeds: list[int]) -> Iterator[Job]:
    """One build for each system and seed."""
    tokens, vocabulary = stage.read("tokenize/tokens"), stage.read("tokenize/vocabulary")
    labels, model = stage.read("label/labels"), stage.read("pretrain/model")
    children = stage.read("augment/children") if how.use_augmented else []
    for system in SYSTEMS:
        # random weights need the network's shape alone, so that another pretraining leaves them be
        start = model if system == "pretrained" else [part for part in model if part.path.name == "config.json"]
        for seed in seeds:
            params = RunParams(system=system, seed=seed, how=how)
            yield Job(name=f"{system}-seed-{seed}", inputs=(tokens, vocabulary, labels, start, children), params=params)


def finetune(stage: Stage, given: FinetuneParams, runs: RunsParams) -> None:
    """Train every run: side by side on CPUs, one after the other on a GPU, which one run fills."""
    refuse_unfit(stage.read("label/tasks"), given.task, runs.accept_unfit)
    how = replace(given, device=device_class(given.device))
    planned = list(jobs(stage, how, runs.seeds))
    for batch in [planned] if how.device == "cpu" else [[job] for job in planned]:
        stage.build_all(FINETUNE, batch)


def main() -> None:
    """Run the stage in the current directory."""
    with Stage("finetune", params=[FinetuneParams, RunsParams]) as stage:
        finetune(stage, stage.params[FinetuneParams], stage.params[RunsParams])


if __name__ == "__main__":
    exit_on_error(main)
