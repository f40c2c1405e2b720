"""37,000 real HTML pages in 20 languages: the documentation packages of Debian 12, fetched by apt, nothing installed.

Reads and writes   .gristmill/downloads/debian/*.deb
The packages are under free licences, each its own (/usr/share/doc/<package>/copyright inside); they are only measured
on, and no part of them is kept in the repository.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from catalog.layout import DOWNLOADS

LANGUAGES = ("en-us", "de", "es", "fr", "ja", "ko", "ru", "zh-cn", "zh-tw")
PACKAGES = (
    "apache2-doc", "debian-handbook", "git-doc", "harden-doc", "installation-guide-amd64",
    *(f"libreoffice-help-{language}" for language in LANGUAGES),
    "linux-doc-6.1", "postgresql-doc-15", "python3.11-doc", "python-django-doc", "sqlite3-doc",
)  # fmt: skip

Page = tuple[str, bytes]


def pages(limit: int | None = None) -> list[Page]:
    """(path, bytes) of every page, or of `limit` of them chosen by digest of the path; sorted by path."""
    with tempfile.TemporaryDirectory(prefix="gristmill-debian-") as folder:
        for package in _packages():
            subprocess.run(["dpkg", "-x", package, folder], check=True)
        root = Path(folder)
        paths = sorted(path.relative_to(root).as_posix() for path in _html(root))
        if limit is not None:
            paths = sorted(sorted(paths, key=_rank)[:limit])
        return [(path, (root / path).read_bytes()) for path in paths]


def _rank(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


def _html(root: Path) -> Iterator[Path]:
    for path in root.rglob("*.htm*"):
        if path.is_file() and not path.is_symlink() and path.suffix != ".gz":
            yield path


def _packages() -> list[Path]:
    """The package files, fetched where they are missing. Errors: SystemExit where there is no apt."""
    folder = DOWNLOADS / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in PACKAGES if not list(folder.glob(f"{name}_*.deb"))]
    if missing and shutil.which("apt-get") is None:
        raise SystemExit(f"this bench needs apt (Debian 12) to fetch {', '.join(missing)}")
    for name in missing:
        print(f"fetching {name}", file=sys.stderr, flush=True)
        done = subprocess.run(["apt-get", "download", name], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"`apt-get download {name}` failed: {done.stderr.strip()}; run `apt-get update`")
    return sorted(path for name in PACKAGES for path in folder.glob(f"{name}_*.deb"))
