"""gristmill card and gristmill export: what of the corpus is passed on. The programs are those of stages/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from catalog.commands.programs import run

publication = typer.Typer()
export = typer.Typer(no_args_is_help=True, help="The corpus and its models in the formats of other tools.")
publication.add_typer(export, name="export")
Names = list[str] | None


@publication.command()
def card(
    folder: Annotated[Path, typer.Argument(help="An exported folder, or a new one.")] = Path("card"),
) -> None:
    """Write the data card, datasheet, Croissant file and EU summary of training content, from the catalog.

    What only you know stands in the block `card` of params.yaml; nothing is made up where it is empty.
    """
    run("stages.publication.reports", str(folder))


def _documents(form: str, what: str) -> Callable[..., None]:
    """The command `export FORM`; `what` is its help."""

    def command(
        folder: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier export.")],
        split: Annotated[Names, typer.Option(help="train, validation or test; repeatable.")] = None,
        task: Annotated[str, typer.Option(help="Only documents with a label of this task, a row a label.")] = "",
        language: Annotated[Names, typer.Option(help="As in the column `language`; repeatable.")] = None,
        source: Annotated[Names, typer.Option(help="A source of params.yaml; repeatable.")] = None,
        where: Annotated[str, typer.Option(help="Condition in SQL on the columns of kept_documents and signals.")] = "",
        column: Annotated[Names, typer.Option(help="Only this column of the document; repeatable.")] = None,
        signal: Annotated[Names, typer.Option(help="Also this signal, as `words`; repeatable.")] = None,
        allow: Annotated[Names, typer.Option(help="opted_out, licence_unknown, licence_no_derivatives or "
                                                  "licence_forbids keeps nothing out; repeatable.")] = None,
        shard_mib: Annotated[int, typer.Option(help="Size of a file, MiB.")] = 256,
    ) -> None:  # fmt: skip
        named = {"split": split, "language": language, "source": source, "column": column, "signal": signal}
        named["allow"] = allow
        options = [f"--{name}={value}" for name, values in named.items() for value in values or ()]
        options += [f"--task={task}", f"--where={where}", f"--shard-mib={shard_mib}"]
        run("stages.publication.export", form, str(folder), *options)

    command.__doc__ = what
    return command


for _form, _what in (
    ("hf", "Write the kept documents by split as Parquet, with the reports of `card`; `datasets` loads it.\n\n"
           "What a site or a licence forbids to pass on is left out and counted by reason."),
    ("parquet", "Write the kept documents by split as Parquet; as `export hf`, without the reports."),
    ("jsonl", "Write the kept documents by split as JSON lines, compressed; as `export hf`, without the reports."),
):  # fmt: skip
    export.command(_form)(_documents(_form, _what))


@export.command("model")
def export_model(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A run of finetune, as pretrained-seed-1, or `model`.")],
    folder: Annotated[Path, typer.Argument(help="A new folder, or that of an earlier export.")],
    onnx: Annotated[bool, typer.Option("--onnx", help="Also as ONNX; needs gristmill[deploy].")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Also as ONNX with weights of 8 bits.")] = False,
    tolerance: Annotated[float, typer.Option(help="Accuracy that a form may lose; more: nothing is written.")] = 0.01,
) -> None:
    """Write a run with tokenizer and model card, as plain transformers loads it; `model` is that of pretrain.

    Each form is measured on the run's test documents, and the difference printed.
    """
    options = [f"--tolerance={tolerance}", *(["--onnx"] if onnx else []), *(["--int8"] if int8 else [])]
    run("stages.publication.models.export", name, str(folder), *options)


@export.command("warc")
def export_warc(
    folder: Annotated[Path, typer.Argument(help="Where the file goes.")],
    format: Annotated[str, typer.Option("--format", "-f", help="gz or zst.")] = "gz",
) -> None:
    """Write the captures, and the versions of websites in the crawl log, as one WARC 1.1 file."""
    run("stages.sources.warc_export", str(folder), f"--format={format}")


@export.command("openlineage")
def export_openlineage(
    file: Annotated[Path, typer.Argument(help="Where the JSON lines go.")],
    namespace: Annotated[str, typer.Option(help="Of all jobs and datasets.")] = "gristmill",
) -> None:
    """Write the stages of the current version as OpenLineage run events, for lineage tools that read them."""
    from catalog.lineage.openlineage import write_events

    typer.echo(f"{write_events(file, namespace)} events in {file}")
