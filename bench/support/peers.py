"""Run a program of another project (bench/peers/) by the Python of its own environment, and read what it reports."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ENVIRONMENTS = Path(".venv-peers")
PROGRAMS = Path("bench/peers")


def run_peer(environment: str, program: str, *arguments: str) -> dict[str, Any]:
    """The last line of a peer's program as JSON. Errors: SystemExit when its environment is missing or it fails."""
    python = ENVIRONMENTS / environment / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} is missing; run `make bench-peers`")
    command = [str(python.absolute()), str((PROGRAMS / f"{program}.py").absolute()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{program} ended with status {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
