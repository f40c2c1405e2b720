"""Commands of `gristmill` that are programs of `stages/`, which `catalog/` does not import: each in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

programs = typer.Typer()


def run(module: str, *arguments: str) -> NoReturn:
    """Run a module as a program; its exit status is ours."""
    raise typer.Exit(subprocess.run([sys.executable, "-m", module, *arguments], check=False).returncode)


def become(module: str, *arguments: str) -> NoReturn:
    """Run a module as a program in the place of this one, so that signals reach it."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


@programs.command()
def thresholds(
    signal: Annotated[str, typer.Argument(help="A signal that rules are on, as `words`.")],
    at: Annotated[float | None, typer.Option(help="A number to try, instead of the one in use.")] = None,
    rule: Annotated[str, typer.Option(help="Only this rule: preset.language.rule.")] = "",
    examples: Annotated[int, typer.Option(help="Texts shown on each side of the cut.")] = 3,
) -> None:
    """Show what a rule's number does: the share it keeps, what others would keep, and the texts at the cut."""
    options = [
        f"--examples={examples}",
        *([f"--at={at}"] if at is not None else []),
        *([f"--rule={rule}"] if rule else []),
    ]
    run("stages.text.rules.thresholds", signal, *options)


@programs.command("train-quality")
def train_quality(
    output: Annotated[Path, typer.Argument(help="The model file to write, as models/quality.safetensors.")],
    task: Annotated[str, typer.Option(help="Learn from the labels of this task of the block label.")] = "",
    positive: Annotated[list[str] | None, typer.Option(help="A label that is good text; repeatable.")] = None,
    good: Annotated[list[str] | None, typer.Option(help="Or: a source of good text; repeatable.")] = None,
    poor: Annotated[list[str] | None, typer.Option(help="And a source of poor text; repeatable.")] = None,
    epochs: Annotated[int, typer.Option(help="Times each document is seen.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the order in which documents are seen.")] = 1,
) -> None:
    """Train a classifier on the corpus's own labels, for the signals quality, educational and toxicity."""
    named = {"positive": positive, "good": good, "poor": poor}
    options = [f"--{name}={value}" for name, values in named.items() for value in values or ()]
    options += [f"--task={task}", f"--epochs={epochs}", f"--seed={seed}"]
    run("stages.scores.training", str(output), *options)


@programs.command()
def versions(uri: Annotated[str, typer.Argument(help="The address of a page of a website.")]) -> None:
    """List the versions of a page that the crawl log holds, and show what changed between the last two."""
    run("stages.sources.page_versions", uri)


@programs.command()
def bursts(
    documents: Annotated[int, typer.Option(help="Least number of documents that share a phrase.")] = 25,
    hosts: Annotated[int, typer.Option(help="Most hosts they may come from; 1 to 3.")] = 3,
    share: Annotated[float, typer.Option(help="Most of their hosts' documents; above it, a site's frame.")] = 0.5,
    limit: Annotated[int, typer.Option(help="Phrases shown.")] = 20,
) -> None:
    """Report phrases that many documents of few hosts share and no others have: planted text, spam."""
    options = [f"--documents={documents}", f"--hosts={hosts}", f"--share={share}", f"--limit={limit}"]
    run("stages.text.bursts", *options)


@programs.command()
def duplicates(
    preset: Annotated[str, typer.Option(help="Numbers to look at, instead of those in use.")] = "",
    limit: Annotated[int, typer.Option(help="Clusters shown.")] = 5,
) -> None:
    """Show which pairs MinHash catches with these numbers, what each level dropped, and the biggest clusters."""
    run("stages.duplicates.report", f"--preset={preset}", f"--limit={limit}")


@programs.command()
def serve(
    run: Annotated[str, typer.Argument(help="A run of finetune, as pretrained-seed-1.")],
    rev: Annotated[str, typer.Option(help="As an earlier version had it: a commit, branch or tag.")] = "",
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for any.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 for any that is free.")] = 8080,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[int, typer.Option(help="Of the model, pinned.")] = 1,
    grace: Annotated[float, typer.Option(help="Seconds after SIGTERM in which new requests are refused.")] = 5.0,
    batch_texts: Annotated[int, typer.Option(help="Texts computed together at most; 1 turns batching off.")] = 64,
    batch_wait: Annotated[float, typer.Option(help="Seconds that a request waits for others at most.")] = 0.002,
    max_body: Annotated[int, typer.Option(help="Bytes of a request.")] = 1 << 20,
    max_texts: Annotated[int, typer.Option(help="Texts of a request.")] = 64,
    max_characters: Annotated[int, typer.Option(help="Characters of a text.")] = 20_000,
    max_waiting: Annotated[int, typer.Option(help="Texts that wait for the model; more are refused.")] = 1024,
    max_connections: Annotated[int, typer.Option(help="Connections at once; more are refused.")] = 1024,
    max_seconds: Annotated[float, typer.Option(help="For the head of a request, and for its body.")] = 10.0,
) -> None:
    """Serve a run over HTTP: /predict, /version, /healthz, /readyz, /metrics, and a page to try it (docs/serving.md).

    SIGTERM drains it: what was accepted is answered, and new requests are refused. To go back, serve the run before.
    """
    given = {
        "rev": rev, "host": host, "port": port, "device": device, "threads": threads, "grace": grace,
        "batch-texts": batch_texts, "batch-wait": batch_wait, "max-body": max_body, "max-texts": max_texts,
        "max-characters": max_characters, "max-waiting": max_waiting, "max-connections": max_connections,
        "max-seconds": max_seconds,
    }  # fmt: skip
    become("stages.serving.server", run, *(f"--{name}={value}" for name, value in given.items()))
