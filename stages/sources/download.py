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

    from stages.web.auth import Auth

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
        found = downloaded(pinned, downloads)
        return found or _retried(lambda: _download(pinned, downloads), pinned.uri, sleep)


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
        raise _wrong_digest(str(path), pinned.sha256, got)
    return path


def pinned_now(url: str, auth: Auth | None = None, downloads: Path = DOWNLOADS) -> str:
    """Download what no digest is known of yet, and keep it; its sha256. Errors: SourceError."""
    downloads.mkdir(parents=True, exist_ok=True)
    return _retried(lambda: _kept(resolved(url, os.environ), url, None, downloads, auth), url, time.sleep).parent.name


def _retried(download: Callable[[], Path], uri: str, sleep: Callable[[float], None]) -> Path:
    """Download with retries: a network error is tried again, a wrong digest is not."""
    import httpx2  # here and below: most runs find their archives, and need no HTTP client

    for attempt in range(ATTEMPTS):
        try:
            return download()
        except (httpx2.HTTPError, OSError) as error:
            check_allowed(error, uri)
            if attempt + 1 == ATTEMPTS:
                raise SourceError(
                    f"{uri}: {type(error).__name__} after {ATTEMPTS} attempts: {error}; "
                    "check the network and `pip config list`, then `dvc repro crawl`"
                ) from None
            sleep(BACKOFF * 2**attempt)
    raise AssertionError("unreachable")


def _download(pinned: Pinned, downloads: Path) -> Path:
    from stages.sources.package import distribution_link, package_client, pip_settings

    if not pinned.package:
        return _kept(resolved(str(pinned.url), os.environ), pinned.uri, pinned.sha256, downloads, pinned.auth)
    settings = pip_settings()
    with package_client(settings) as client:
        link = distribution_link(pinned, settings, client)
        return _kept(link.url_without_fragment, pinned.uri, pinned.sha256, downloads, name=link.filename)


def carry(client: httpx2.Client, auth: Auth | None, url: str) -> None:
    """Let a client send a secret to the origin of `url`, and take it off wherever a redirect leads elsewhere.

    Errors: SourceError for a variable that is not set, or an origin without TLS.
    """
    from stages.web.credentials import Credential

    if auth is None or auth.header is None:
        return
    name, credential = auth.header, Credential(auth, url)

    def bind(request: httpx2.Request) -> None:
        request.headers.pop(name, None)
        request.headers.update(credential.headers(str(request.url)))

    client.event_hooks = {"request": [bind]}


def check_allowed(error: Exception, uri: str) -> None:
    """Errors: SourceError where an answer says that a file is not for everybody."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        raise SourceError(
            f"{uri}: status {status}, it is private or gated: accept its terms where it is offered, "
            "`export HF_TOKEN=...` (or another variable), and add to the source "
            '`auth: {header: Authorization, prefix: "Bearer ", env: HF_TOKEN}`, then `dvc repro crawl`'
        ) from None


def _kept(url: str, uri: str, sha256: str | None, downloads: Path, auth: Auth | None = None, name: str = "") -> Path:
    """Download a URL and keep it under its digest. Errors: SourceError where that is not `sha256`."""
    from stages.sources.package import package_client, pip_settings

    with package_client(pip_settings()) as client, _beside(downloads) as (stream, beside):
        carry(client, auth, url)
        digest = _copy(client, url, stream)
        if sha256 and digest != sha256:
            raise _wrong_digest(uri.removeprefix("pypi:") if uri.startswith("pypi:") else url, sha256, digest)
        folder = downloads / digest
        folder.mkdir(exist_ok=True)
        fetched = {"uri": uri, "fetched_at": datetime.now(UTC).isoformat(timespec="microseconds")}
        (folder / RECORD).write_text(json.dumps(fetched), encoding="utf-8")
        found = folder / (name or Path(urlsplit(url).path).name or "archive")
        os.replace(beside, found)
    return found


def resolved(url: str, environment: Mapping[str, str]) -> str:
    """The address to ask for a URL; that of a hub's file is made with HF_ENDPOINT, as the hub's own tools make it."""
    found = HUB.fullmatch(url)
    if found is None:
        return url
    name, commit, path = found.groups()
    return f"{hub_endpoint(environment)}/datasets/{name}/resolve/{commit}/{quote(path)}"


def hub_endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """The address of the hub, as its own tools find it."""
    return environment.get("HF_ENDPOINT", HUB_ENDPOINT).rstrip("/")


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


def _wrong_digest(what: str, sha256: str, got: str) -> SourceError:
    return SourceError(
        f"{what}: expected sha256 {sha256}, got {got}; the file is not the one that was pinned. "
        "If you trust the new one, write its sha256 in params.yaml, then `dvc repro`"
    )
