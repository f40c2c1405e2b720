"""Back-translation: a text there and back through another language, by an engine that can be exchanged.

Reads   standard output of the engine's own program; no model is downloaded.
The engine here is Apertium (rule-based, Debian packages such as apertium-eng-spa, GPL). Its default text
        format keeps one line
per line; `-f line` loses final full stops. `-u` leaves unknown words without a mark.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from catalog.errors import OperatorError, ParameterError

MODES = Path("/usr/share/apertium/modes")
TIMEOUT = 3600  # seconds for one batch; 740 sentences/s were measured
UNSAFE = {ord("\0"): " ", ord("\r"): " ", ord("\v"): " ", ord("\f"): " ", 0x85: " ", 0x2028: " ", 0x2029: " "}


class Engine(Protocol):
    """Translates lines; `version` names everything that decides its output."""

    version: str

    def translate(self, lines: list[str]) -> list[str]:
        """One line out per line in. Lines hold no line break."""
        ...


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


def back_translate(texts: list[str], there: Engine, back: Engine) -> list[str]:
    """Each text there and back, line by line; empty lines and the line structure stay."""
    split = [text.split("\n") for text in texts]
    lines = list(dict.fromkeys(line for parts in split for line in parts if line.strip()))
    found = dict(zip(lines, back.translate(there.translate(lines)), strict=True))
    return ["\n".join(found[line].strip() if line.strip() else line for line in parts) for parts in split]


def _data_files(mode: Path) -> list[Path]:
    """The compiled dictionaries and rules that a mode file names."""
    words = mode.read_text(encoding="utf-8").replace("'", " ").split()
    return [path for path in map(Path, dict.fromkeys(words)) if path.is_file()]


def _digest_of(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
