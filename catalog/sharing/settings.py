"""Settings: what DVC is told of a remote, divided into what git may have and what stays on this machine.

Writes  .dvc/config         the address that readers use, with `verify = true`; git has it
        .dvc/config.local   secrets, what belongs to one person or machine, and the address to write to where readers
                            have another; git ignores it, and nobody else may read it
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from catalog.errors import GristmillError

SECRETS = frozenset({
    "access_key_id", "account_key", "client_secret", "connection_string", "custom_auth_header", "gdrive_client_secret",
    "oss_key_id", "oss_key_secret", "passphrase", "password", "sas_token", "secret_access_key", "session_token",
    "sse_customer_key", "token",
})  # fmt: skip
PERSONAL = frozenset({
    "bearer_token_command", "cert_path", "configpath", "credentialpath", "gdrive_service_account_json_file_path",
    "gdrive_user_credentials_file", "key_path", "keyfile", "profile", "user",
})  # fmt: skip
"""Of one person or machine: nothing that others could use."""
LOCAL_CONFIG = Path(".dvc/config.local")


@dataclass(frozen=True, kw_only=True)
class Remote:
    """What a remote is to be."""

    name: str
    url: str = ""
    """Empty where the remote keeps the one it has."""
    public: str = ""
    """The address that readers use, where it is another one."""
    options: Mapping[str, str] = field(default_factory=dict)
    """As in `dvc remote modify`."""
    secrets: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [
            f"{address} holds a password, which git would keep; leave it out and add `--secret password`"
            for address in (_without_password(self.url), _without_password(self.public))
            if address
        ]
        problems += [
            f"{key} is a secret, and a command line is no place for one; `--secret {key}` asks for it"
            for key in sorted(self.options.keys() & SECRETS)
        ]
        if self.public and not self.public.startswith(("http://", "https://")):
            problems.append(f"--public {self.public} is no address of a web server (http:// or https://)")
        if problems:
            raise GristmillError("; ".join(problems))

    @property
    def shared(self) -> dict[str, str]:
        """What git has of it."""
        if self.public:
            return {"url": self.public, "verify": "true"}
        address = {"url": self.url, "verify": "true"} if self.url else {}
        return {**address, **self._chosen(personal=False)}

    @property
    def local(self) -> dict[str, str]:
        """What stays here."""
        writing = {"url": self.url, **self._chosen(personal=False)} if self.public else {}
        return {**writing, **self._chosen(personal=True), **self.secrets}

    def _chosen(self, *, personal: bool) -> dict[str, str]:
        return {key: value for key, value in self.options.items() if (key in PERSONAL) == personal}


def configure(remote: Remote) -> list[str]:
    """Write the settings of a remote, new or known; what was written where, in words, without a secret.

    The first remote of a project becomes the one that `dvc push` and `dvc pull` use.
    Errors: GristmillError for a setting that DVC does not know, or where git would take the secrets.
    """
    from dvc.config import Config, ConfigError  # type: ignore[import-untyped]

    if remote.local:
        _refuse_tracked()
    config = Config(str(Path(".dvc").absolute()))
    try:
        for level, settings in (("repo", remote.shared), ("local", remote.local)):
            if settings:
                with config.edit(level) as written:
                    _merge(written, remote.name, settings, first=level == "repo")
    except ConfigError as error:
        raise GristmillError(f"DVC does not take these settings of {remote.name}: {error}; see `dvc remote`") from None
    if LOCAL_CONFIG.exists():
        LOCAL_CONFIG.chmod(0o600)
    return list(_said(remote))


def secrets_in_git() -> list[str]:
    """The secrets that .dvc/config holds, as `remote.key`."""
    from dvc.config import Config

    remotes = Config(str(Path(".dvc").absolute()), validate=False).read("repo")["remote"]
    return [f"{name}.{key}" for name, settings in sorted(remotes.items()) for key in sorted(settings.keys() & SECRETS)]


def _merge(written: dict[str, Any], name: str, settings: Mapping[str, str], *, first: bool) -> None:
    if first and not written["remote"]:
        written["core"].setdefault("remote", name)
    written["remote"].setdefault(name, {}).update(settings)


def _said(remote: Remote) -> Iterator[str]:
    if "url" in remote.shared:
        yield f".dvc/config: {remote.name} is {remote.shared['url']}, and what it sends is verified"
    if remote.local:
        yield f"{LOCAL_CONFIG}, which stays on this machine: {', '.join(sorted(remote.local))}"


def _refuse_tracked() -> None:
    """Errors: GristmillError where git would take the local settings."""
    inside = subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True, check=False).returncode == 0
    ignored = subprocess.run(["git", "check-ignore", "-q", str(LOCAL_CONFIG)], capture_output=True, check=False)
    if inside and ignored.returncode:
        raise GristmillError(f"git does not ignore {LOCAL_CONFIG}; add /{LOCAL_CONFIG} to .gitignore first")


def _without_password(url: str) -> str:
    """An address that holds a password, with dots in its place; empty for others."""
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":…@") if password else ""
