"""A server in a process of its own, which says on its first line where it is, as `gristmill ui` and `serve` do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def announced(
    command: Sequence[str],
    *,
    folder: Path = Path(),
    environment: Mapping[str, str] | None = None,
    errors: IO[str] | int | None = None,
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, its address); asked to end, and waited for, at the end. `errors`: where its stderr goes, as for Popen.

    Errors: SystemExit when its first line names no address.
    """
    with subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=errors
    ) as process:
        try:
            yield process, _address(process)
        finally:
            process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if address := re.search(r" at (https?://\S+)", line):
        return address[1]
    what = "did not say where it is" if line else f"ended with status {process.wait()}"
    said = process.stderr.read() if process.stderr and not line else ""
    raise SystemExit(f"`{' '.join(map(str, process.args))}` {what}\n{said}".rstrip())  # type: ignore[arg-type]
