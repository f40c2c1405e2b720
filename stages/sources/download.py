"""Pinned archives on disk: downloaded once, verified by sha256, kept under their digest.

Reads   the index or URL a source names, or a path in the repository.
Writes  .gristmill/downloads/<sha256>/<file name>, beside first, then renamed; and fetch.json with the time of the
        real download, from which stages/crawl.py writes the row of the crawl log.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote, urlsplit

from catalog.digests import file_sha256
from catalog.errors import SourceError
from catalog.layout import DOWNLOADS
from stages.sources.settings.archive import HUB, Pinned

if TYPE_CHECKING:
    import httpx2

RECORD = "fetch.json"
HUB_ENDPOINT = "https://huggingface.co"
ATTEMPTS = 4
BACKOFF = 1.0  # seconds before the second attempt, doubled for each further one
CHUNK = 1 << 20  # bytes
MAX_DOWNLOAD = 4 << 30  # bytes


def archive_path(pinned: Pinned, downloads: Path = DOWNLOADS, sleep: Callable[[float], None] = time.sleep) -> Path:
    """The verified archive file, downloaded if it is not there yet.

    Errors: SourceError when it is missing, cannot be fetched, or has another sha256.
    """
    if pinned.path:
        return _local(pinned)
    found = downloaded(pinned, downloads)
    if found:
        return found
    downloads.mkdir(parents=True, exist_ok=True)
    with (downloads / f"{pinned.sha256}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two sources of one archive download it once
        return downloaded(pinned, downloads) or _retried(pinned, downloads, sleep)


def downloaded(pinned: Pinned, downloads: Path = DOWNLOADS) -> Path | None:
    """The archive if it was downloaded before; a file whose bytes changed since is deleted."""
    folder = downloads / str(pinned.sha256)
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.name == RECORD:
            continue
        if file_sha256(path) == pinned.sha256:
            return path
        path.unlink()
    return None


def fetch_record(pinned: Pinned, downloads: Path = DOWNLOADS) -> dict[str, str] | None:
    """`uri` and `fetched_at` of the real download of an archive; None where this machine made none."""
    path = downloads / str(pinned.sha256) / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _local(pinned: Pinned) -> Path:
    path = Path(str(pinned.path))
    if not path.is_file():
        raise SourceError(f"{path}: no such file; put the archive there, or edit params.yaml")
    if pinned.sha256 and (got := file_sha256(path)) != pinned.sha256:
        raise _wrong_digest(str(path), pinned, got)
    return path


def _retried(pinned: Pinned, downloads: Path, sleep: Callable[[float], None]) -> Path:
    """Download with retries: a network error is tried again, a wrong digest is not."""
    import httpx2  # here and below: most runs find their archives, and need no HTTP client

    for attempt in range(ATTEMPTS):
        try:
            return _download(pinned, downloads)
        except (httpx2.HTTPError, OSError) as error:
            if attempt + 1 == ATTEMPTS:
                raise SourceError(
                    f"{pinned.uri}: {type(error).__name__} after {ATTEMPTS} attempts: {error}; "
                    "check the network and `pip config list`, then `dvc repro crawl`"
                ) from None
            sleep(BACKOFF * 2**attempt)
    raise AssertionError("unreachable")


def _download(pinned: Pinned, downloads: Path) -> Path:
    from stages.sources.package import distribution_link, package_client, pip_settings

    settings = pip_settings()
    with package_client(settings) as client:
        if pinned.package:
            link = distribution_link(pinned, settings, client)
            url, name = link.url_without_fragment, link.filename
        else:
            url = resolved(str(pinned.url), os.environ)
            name = Path(urlsplit(url).path).name or "archive"
        with _beside(downloads) as (stream, beside):
            digest = _copy(client, url, stream)
            if digest != pinned.sha256:
                raise _wrong_digest(pinned.package or url, pinned, digest)
            folder = downloads / digest
            folder.mkdir(exist_ok=True)
            fetched = {"uri": pinned.uri, "fetched_at": datetime.now(UTC).isoformat(timespec="microseconds")}
            (folder / RECORD).write_text(json.dumps(fetched), encoding="utf-8")
            os.replace(beside, folder / name)
    return folder / name


def resolved(url: str, environment: Mapping[str, str]) -> str:
    """The address to ask for a URL; that of a hub's file is made with HF_ENDPOINT, as the hub's own tools make it."""
    found = HUB.fullmatch(url)
    if found is None:
        return url
    endpoint = environment.get("HF_ENDPOINT", HUB_ENDPOINT).rstrip("/")
    name, commit, path = found.groups()
    return f"{endpoint}/datasets/{name}/resolve/{commit}/{quote(path)}"


@contextmanager
def _beside(downloads: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A temporary file in `downloads`, gone afterwards if it was not renamed."""
    with tempfile.NamedTemporaryFile(dir=downloads, prefix="part-", delete=False) as stream:
        path = Path(stream.name)
        try:
            yield stream, path
        finally:
            path.unlink(missing_ok=True)


def _copy(client: httpx2.Client, url: str, stream: IO[bytes]) -> str:
    """Stream a URL into a file and fsync it; its sha256. Errors: SourceError above 4 GiB, httpx2.HTTPError, OSError."""
    digest, size = hashlib.sha256(), 0
    with client.stream("GET", url) as response:
        response.raise_for_status()
        for chunk in response.iter_bytes(CHUNK):
            size += len(chunk)
            if size > MAX_DOWNLOAD:
                raise SourceError(f"{url} is larger than {MAX_DOWNLOAD >> 30} GiB; fetch it yourself and use `path:`")
            digest.update(chunk)
            stream.write(chunk)
    stream.flush()
    os.fsync(stream.fileno())
    return digest.hexdigest()


def _wrong_digest(what: str, pinned: Pinned, got: str) -> SourceError:
    return SourceError(
        f"{what}: expected sha256 {pinned.sha256}, got {got}; the file is not the one that was pinned. "
        "If you trust the new one, write its sha256 in params.yaml, then `dvc repro`"
    )
