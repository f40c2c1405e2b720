"""Apertium: rule-based translation, offline, from Debian packages such as apertium-eng-spa (GPL).

Reads   standard output of the engine's own program. Its default text format keeps one line per line; `-f line` loses
        final full stops. `-u` leaves unknown words without a mark.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from catalog.errors import OperatorError, ParameterError

MODES = Path("/usr/share/apertium/modes")
TIMEOUT = 3600  # seconds for one batch; 740 sentences/s were measured
UNSAFE = {ord("\0"): " ", ord("\r"): " ", ord("\v"): " ", ord("\f"): " ", 0x85: " ", 0x2028: " ", 0x2029: " "}


class Apertium:
    """One direction, such as `eng-spa`. Errors: ParameterError when it is not installed."""

    def __init__(self, direction: str, modes: Path = MODES) -> None:
        program = shutil.which("apertium")
        mode = modes / f"{direction}.mode"
        if program is None or not mode.is_file():
            missing = "the program `apertium`" if program is None else f"the direction `{direction}`"
            raise ParameterError(
                f"{missing} is not installed, and augment.back_translation needs it; run `apt-get install "
                f"--no-install-recommends apertium-{direction}` (or the package with the languages the other "
                "way round), or set augment.back_translation to null in params.yaml"
            )
        self._command = [program, "-u", direction]
        self.version = f"apertium {direction} {_digest_of([mode, *_data_files(mode)])}"

    def translate(self, lines: list[str]) -> list[str]:
        """One line out per line in. Errors: OperatorError when the program fails or loses a line."""
        if not lines:
            return []
        given = "".join(line.translate(UNSAFE) + "\n" for line in lines)
        done = subprocess.run(self._command, input=given.encode(), capture_output=True, timeout=TIMEOUT, check=False)
        translated = done.stdout.decode("utf-8", "replace").removesuffix("\n").split("\n")
        if done.returncode or len(translated) != len(lines):
            raise OperatorError(
                f"`{' '.join(self._command)}` ended with {done.returncode} and {len(translated)} lines "
                f"for {len(lines)}: {done.stderr.decode('utf-8', 'replace')[-300:]}"
            )
        return translated


def _data_files(mode: Path) -> list[Path]:
    """The compiled dictionaries and rules that a mode file names."""
    words = mode.read_text(encoding="utf-8").replace("'", " ").split()
    return [path for path in map(Path, dict.fromkeys(words)) if path.is_file()]


def _digest_of(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
