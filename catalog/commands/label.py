"""gristmill label: rounds with people who label. The helpers of the stage do the work, in processes of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.commands.programs import run

label = typer.Typer(no_args_is_help=True, help="Rounds with people: what to ask, what they answered, what changed.")


@label.command("queue")
def queue(
    task: Annotated[str, typer.Argument(help="A task of params.yaml that has a guideline.")],
    budget: Annotated[int, typer.Option(help="Most documents to ask about.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file for the labelling tool.")],
    by: Annotated[str, typer.Option(help="random, stratified, disagreement, uncertainty or suspects.")] = "random",
    format: Annotated[str, typer.Option("--format", "-f", help="label-studio, doccano or csv.")] = "label-studio",
    answers: Annotated[int, typer.Option(help="Answers that a text needs before it is asked about no more.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the random order, and of ties in the others.")] = 1,
    predictions: Annotated[
        Path | None, typer.Option(help="Parquet or CSV of id, label, confidence (per mille), run.")
    ] = None,
) -> None:
    """Choose the documents to ask people about next; again only suspects, and changed texts or guidelines."""
    options = [f"--budget={budget}", f"--by={by}", f"--format={format}", f"--answers={answers}", f"--seed={seed}"]
    options += [f"--predictions={predictions}"] if predictions else []
    run("stages.labels.people.queue", task, f"--output={output}", *options)


@label.command("predict")
def predict(
    task: Annotated[str, typer.Argument(help="A task of kind classification.")],
    model: Annotated[str, typer.Option("--run", help="tfidf, or a run of finetune, as pretrained-seed-1.")] = "tfidf",
) -> None:
    """Predict the class of every document of a task, for `label queue` to ask where a model is least sure."""
    run("stages.labels.people.guesses", task, f"--run={model}")


@label.command("import")
def import_(
    task: Annotated[str, typer.Argument(help="A task of params.yaml that has a guideline.")],
    files: Annotated[list[Path], typer.Argument(help="Exports of Label Studio or doccano, or CSV files.")],
    annotator: Annotated[str, typer.Option(help="Who answered, where the file does not say.")] = "",
    guideline: Annotated[
        Path | None, typer.Option(help="The guideline that was followed, where the file does not say.")
    ] = None,
) -> None:
    """Take in what people answered: once, however often a file comes, and only what fits its text and the task."""
    options = [f"--annotator={annotator}"] if annotator else []
    options += [f"--guideline={guideline}"] if guideline else []
    run("stages.labels.people.importing", *options, "--", task, *map(str, files))


@label.command("diff")
def diff(revision: Annotated[str, typer.Argument(help="A commit, branch or tag with a build.")]) -> None:
    """Say per task and annotator which votes were added, changed or lost since a revision, and so which labels."""
    from catalog.history.labels import label_changes, lines

    for line in lines(label_changes(revision)):
        typer.echo(line)
