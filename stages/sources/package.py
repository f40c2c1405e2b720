"""One pinned distribution file, fetched through the index that pip is configured with; never built, never executed.

Reads   pip's configuration (`pip config list`, so its files and PIP_* variables), then the index.
Writes  .gristmill/downloads/<sha256>/<file name> by way of stages/sources/download.py.
`pip download` is not used: it runs the setup code of an sdist to learn its metadata.
"""

from __future__ import annotations

import ast
import os
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.version import InvalidVersion, Version
from unearth import Link, PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers import Fetcher, PyPIClient

from catalog.errors import SourceError
from stages.sources.settings.archive import Pinned

PYPI = "https://pypi.org/simple/"
SETTINGS = ("index-url", "extra-index-url", "find-links", "trusted-host", "cert", "no-index", "timeout", "proxy")
SECTIONS = ("global", "download", ":env:")  # later ones win, as in pip


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """The part of pip's configuration that decides where a distribution comes from; `timeout` in seconds."""

    index_urls: tuple[str, ...] = (PYPI,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    proxy: str | None = None
    timeout: float = 15.0


def pip_settings() -> PipSettings:
    """pip's configuration on this machine; without pip (a `uv` environment), what PIP_* variables say."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = shown.stdout.splitlines() if shown.returncode == 0 else []
    return settings_from(lines, os.environ)


def settings_from(lines: list[str], environment: Mapping[str, str]) -> PipSettings:
    """Settings out of the lines `section.key='value'` of `pip config list`, and PIP_* variables, which win."""
    found: dict[str, str] = {}
    for section in SECTIONS:
        for line in lines:
            name, _, value = line.partition("=")
            if name.startswith(section + ".") and name.rpartition(".")[2] in SETTINGS:
                found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    for key in SETTINGS:
        found[key] = environment.get("PIP_" + key.upper().replace("-", "_"), found.get(key, ""))
    indexes = [] if found["no-index"].lower() in ("1", "true", "yes", "on") else [found["index-url"] or PYPI]
    return PipSettings(
        index_urls=(*indexes, *(found["extra-index-url"].split() if indexes else ())),
        find_links=tuple(link for link in found["find-links"].split() if "://" in link or Path(link).exists()),
        trusted_hosts=tuple(found["trusted-host"].split()),
        cert=found["cert"] or None,
        proxy=found["proxy"] or None,
        timeout=float(found["timeout"] or 15),
    )


def package_client(settings: PipSettings) -> PyPIClient:
    """An HTTP client with pip's certificates, proxy and timeout; it reads file:// URLs as well, and asks nobody."""
    verify = ssl.create_default_context(cafile=settings.cert) if settings.cert else True
    client = PyPIClient(
        trusted_hosts=settings.trusted_hosts,
        verify=verify,
        timeout=settings.timeout,
        proxy=settings.proxy,
        follow_redirects=True,
    )
    client.auth = MultiDomainBasicAuth(prompting=False, index_urls=settings.index_urls)
    return client


def distribution_link(pinned: Pinned, settings: PipSettings, client: PyPIClient) -> Link:
    """Where the index offers the pinned file: the link whose hash is the pinned one, else the first of its kind.

    Errors: SourceError when no index has the version in this kind, or none of its files has the pinned hash.
    """
    name, _, version = (pinned.package or "").partition("==")
    finder = PackageFinder(
        session=cast(Fetcher, client),
        index_urls=settings.index_urls,
        find_links=settings.find_links,
        ignore_compatibility=True,
    )
    offered = finder.find_all_packages(name, allow_yanked=True)
    links = [one.link for one in offered if _same_version(one.version, version) and _is_kind(one.link, pinned)]
    if not links:
        places = ", ".join((*settings.index_urls, *settings.find_links)) or "no index at all"
        raise SourceError(
            f"{pinned.package}: no {pinned.distribution or 'distribution'} of this version in {places}; "
            f"see `pip index versions {name}` and `pip config list`, then edit params.yaml"
        )
    stated = [link for link in links if pinned.sha256 in _digests(link)]
    unstated = [link for link in links if not _digests(link)]
    if not stated and not unstated:
        raise SourceError(
            f"{pinned.package}: expected sha256 {pinned.sha256}, the index offers "
            f"{', '.join(sorted(digest for link in links for digest in _digests(link)))}; "
            "if you trust one of them, write it in params.yaml, then `dvc repro`"
        )
    return (stated or unstated)[0]


def _same_version(offered: str | None, wanted: str) -> bool:
    try:
        return offered is not None and Version(offered) == Version(wanted)
    except InvalidVersion:
        return offered == wanted


def _digests(link: Link) -> list[str]:
    """The sha256 that the index states for a file, if it does."""
    return (link.hash_option or {}).get("sha256", [])


def _is_kind(link: Link, pinned: Pinned) -> bool:
    return pinned.distribution is None or link.is_wheel == (pinned.distribution == "wheel")
