"""The command that shows a build to Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

operation = typer.Typer()


@operation.command()
def metrics(
    folder: Annotated[Path, typer.Argument(help="Where builds write, as in GRISTMILL_METRICS=FOLDER dvc repro.")],
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for any.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 for any that is free.")] = 9464,
) -> None:
    """Serve the figures of running and ended stages at /metrics to Prometheus (docs/operations.md)."""
    from catalog.monitoring.scrape import server

    with server(folder, host, port) as listening:
        typer.echo(f"figures of {folder} at http://{host}:{listening.server_port}/metrics (Ctrl-C ends it)")
        listening.serve_forever()
