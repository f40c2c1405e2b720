"""finetune: train networks for one task, from random and from pretrained weights, with several seeds.

Reads   label/labels, label/tasks, clean/text, dedup/cuts, tokenize/vocabulary, pretrain/model, and augment/children for
        systems that learn from copies.
Writes  finetune/units               the labelled texts of the task
        finetune/<system>-seed-<n>/  the network, the tokenizer, curve.json, run.json, documents.txt and
                                     exposure.json (what it was trained on)
What is trained follows from the kind of the task (stages/model/finetuning/kinds/), docs/models.md tells of each.

All systems have the same network, order, epochs and rate; they differ in the weights they start from, and in whether
they learn from copies. A task that is not fit by its own standards (label/tasks) is refused.
"""

from collections.abc import Iterator
from dataclasses import replace

from catalog.errors import GristmillError, exit_on_error
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Job, Stage
from catalog.segments import Segment
from stages.model.finetuning.kinds import PLACED, WITH_COPIES, module_of
from stages.model.finetuning.params import PARAMS_OF, FinetuneParams, RunParams, RunsParams
from stages.model.finetuning.units import LABEL_COLUMNS, TEXT_COLUMNS, UnitParams, units
from stages.model.tables import UNITS
from stages.model.training.device import device_class

KIND_PARAMS = tuple(dict.fromkeys(PARAMS_OF.values()))
CHOOSE = Operator(
    name="units", run=units, params=UnitParams, writes={"units": UNITS}, reads=(LABEL_COLUMNS, TEXT_COLUMNS)
)


def operator_of(kind: str, generator: str) -> Operator:
    """The operator that trains a kind of task; the code of other kinds is no part of it."""
    return Operator(
        name="finetune", run=f"{module_of(kind, generator)}:finetune", params=RunParams,
        libraries=("numpy", "tokenizers", "torch", "transformers"),
    )  # fmt: skip


def kind_of(tasks: list[Segment], task: str, runs: RunsParams) -> str:
    """The kind of a task.

    Errors: GristmillError for a task that does not exist, that `label/tasks` says is not fit (unless accepted), or
    whose kind has no copies where a system learns from them.
    """
    rows = {row["task"]: row for segment in tasks for row in segment.read(["task", "kind", "unfit"]).to_pylist()}
    if task not in rows:
        raise GristmillError(
            f"finetune.task is `{task}`, and label.tasks has {', '.join(sorted(rows)) or 'none'}; name one of these"
        )
    kind, unfit = str(rows[task]["kind"]), rows[task]["unfit"]
    if unfit and not runs.accept_unfit:
        raise GristmillError(f"the task `{task}` is not fit for training: {unfit}; or set finetune.accept_unfit: true")
    if runs.augmented and kind not in WITH_COPIES:
        raise GristmillError(
            f"finetune.systems has {', '.join(runs.augmented)}, but augment makes no copies of a task of kind {kind}; "
            "leave them out"
        )
    return kind


def labelled_texts(stage: Stage, task: str, kind: str) -> list[Segment]:
    """The segments of `units` that hold any. Labels that name places are about the whole text."""
    cuts = [] if kind in PLACED else stage.read("dedup/cuts")
    given = stage.read("label/labels"), stage.read("clean/text"), *([cuts] if cuts else [])
    return [segment for segment in stage.map(CHOOSE, *given, params=UnitParams(task=task))["units"] if segment.rows]


def jobs(stage: Stage, plan: RunParams, runs: RunsParams) -> Iterator[Job]:
    """One build for each system and seed."""
    chosen = labelled_texts(stage, plan.how.task, plan.kind)
    vocabulary, model = stage.read("tokenize/vocabulary"), stage.read("pretrain/model")
    children = stage.read("augment/children") if runs.augmented else []
    for system in runs.systems:
        asked = replace(plan, system=system)
        # random weights need the network's shape alone, so that another pretraining leaves them be
        start = [part for part in model if part.path.name == "config.json"] if asked.from_scratch else model
        for seed in runs.seeds:
            yield Job(
                name=f"{system}-seed-{seed}", params=replace(asked, seed=seed),
                inputs=(chosen, vocabulary, start, children if asked.augmented else []),
            )  # fmt: skip


def finetune(stage: Stage, given: FinetuneParams, runs: RunsParams) -> None:
    """Train every run: side by side on CPUs, one after the other on a GPU, which one run fills."""
    kind = kind_of(stage.read("label/tasks"), given.task, runs)
    how = replace(given, device=device_class(given.device))
    plan = RunParams(kind=kind, system="scratch", seed=0, how=how, of_kind=stage.params[PARAMS_OF[kind]])
    operator = operator_of(kind, getattr(plan.of_kind, "generator", ""))
    planned = list(jobs(stage, plan, runs))
    for batch in [planned] if how.device == "cpu" else [[job] for job in planned]:
        stage.build_all(operator, batch)


def main() -> None:
    """Run the stage in the current directory."""
    with Stage("finetune", params=[FinetuneParams, RunsParams, *KIND_PARAMS]) as stage:
        finetune(stage, stage.params[FinetuneParams], stage.params[RunsParams])


if __name__ == "__main__":
    exit_on_error(main)
