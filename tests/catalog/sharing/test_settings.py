"""Settings of a remote: what git may have, what stays here, and what is refused."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from catalog.errors import GristmillError
from catalog.integrity.doctor import examine
from catalog.integrity.remotes import unverified
from catalog.sharing.settings import LOCAL_CONFIG, Remote, configure, secrets_in_git
from tests.catalog.integrity.test_fsck import project

__all__ = ["project"]  # a fixture
WRITER = "ssh://host.test/srv/www"


@pytest.fixture
def ignored(project: Path) -> Path:
    """A project under git, which ignores DVC's local settings."""
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    Path(".gitignore").write_text(f"/{LOCAL_CONFIG}\n")
    return project


def test_secrets_and_what_is_personal_stay_here(ignored: Path) -> None:
    """Git gets the address, what everybody needs to reach it, and `verify = true`; the first remote is the default."""
    options = {"endpointurl": "http://127.0.0.1:1", "profile": "ann"}
    said = configure(Remote(name="store", url="s3://b/c", options=options, secrets={"secret_access_key": "hush"}))
    shared, local = Path(".dvc/config").read_text(), LOCAL_CONFIG.read_text()
    assert "remote = store" in shared and "endpointurl" in shared and unverified() == []
    assert "hush" in local and "profile = ann" in local and "url" not in local.replace("endpointurl", "")
    assert "hush" not in shared + "".join(said) and "ann" not in shared
    assert stat.S_IMODE(LOCAL_CONFIG.stat().st_mode) == 0o600


def test_readers_have_another_address(ignored: Path) -> None:
    """Beside a private remote, which stays the default: git has the one, this machine the other."""
    configure(Remote(name="store", url="/mnt/corpus"))
    configure(Remote(name="open", url=WRITER, public="https://example.org/corpus", options={"timeout": "9"}))
    shared, local = Path(".dvc/config").read_text(), LOCAL_CONFIG.read_text()
    assert "remote = store" in shared and "https://example.org/corpus" in shared and WRITER not in shared
    assert f"url = {WRITER}" in local and "timeout = 9" in local and unverified() == []


def test_a_known_remote_gets_another_secret(ignored: Path) -> None:
    """Its address stays."""
    configure(Remote(name="store", url="webdavs://host.test/c", secrets={"password": "old"}))
    configure(Remote(name="store", options={"user": "ann"}, secrets={"password": "new"}))
    local = LOCAL_CONFIG.read_text()
    assert "new" in local and "old" not in local and "ann" in local
    assert "webdavs://host.test/c" in Path(".dvc/config").read_text()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "https://ann:hush@host.test/c"}, r"https://ann:…@host.test/c holds a password"),
        ({"url": "s3://b", "options": {"secret_access_key": "hush"}}, "`--secret secret_access_key` asks for it"),
        ({"url": "s3://b", "public": "s3://c"}, "is no address of a web server"),
        ({"url": "s3://b", "options": {"colour": "red"}}, "DVC does not take these settings of store"),
        ({"options": {"region": "x"}}, "DVC does not take these settings of store"),
    ],
)
def test_what_git_or_dvc_must_not_get_is_refused(ignored: Path, given: dict[str, str], said: str) -> None:
    """Before anything is written, and without the secret."""
    before = Path(".dvc/config").read_text()
    with pytest.raises(GristmillError, match=said) as error:
        configure(Remote(name="store", **given))
    assert "hush" not in str(error.value) and Path(".dvc/config").read_text() == before


def test_a_secret_that_git_has_is_found(ignored: Path) -> None:
    """As `dvc remote modify` without `--local` writes it."""
    configure(Remote(name="store", url="webdavs://host.test/c", secrets={"password": "hush"}))
    assert secrets_in_git() == []
    with Path(".dvc/config").open("a") as config:
        config.write("['remote \"other\"']\n    url = webdavs://host.test/d\n    password = hush\n")
    (finding,) = (one for one in examine().findings if one.name == "secrets")
    assert (finding.state, "other.password" in finding.found, "hush" in finding.text()) == ("wrong", True, False)


def test_secrets_are_refused_where_git_would_take_them(ignored: Path) -> None:
    """The message says what to add where."""
    Path(".gitignore").unlink()
    Path(".dvc/.gitignore").unlink(missing_ok=True)
    with pytest.raises(GristmillError, match=r"git does not ignore \.dvc/config\.local; add"):
        configure(Remote(name="store", url="s3://b", secrets={"password": "hush"}))
    assert not LOCAL_CONFIG.exists()
