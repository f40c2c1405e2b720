"""Faults before a real S3 server: nothing is lost, nothing wrong is accepted, and the rest goes later."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from catalog.errors import GristmillError
from catalog.integrity.fsck import fsck
from catalog.integrity.remotes import Stores
from catalog.sharing.pulling import pull
from catalog.sharing.sending import send
from catalog.sharing.settings import Remote, configure
from catalog.sharing.shipment import shipment
from tests.catalog.integrity.test_fsck import keep_folder, lock, md5, project
from tests.pipeline.crashes import mounted, remount
from tests.servers.proxy import Fault, Proxy, flipped
from tests.servers.running import Served
from tests.servers.s3 import BUCKET, bucket, client, seaweedfs
from tests.servers.ssh import openssh

__all__ = ["project"]  # a fixture
FILES = {name: name.encode() * 400 for name in ("alpha", "beta", "gamma")}
BETA = md5(FILES["beta"])
Server = Callable[[Path], contextlib.AbstractContextManager[Served]]
AT = f"{BETA[:2]}/{BETA[2:]}"
OBJECTS = len(FILES) + 1  # with their listing


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An S3 server."""
    with seaweedfs(tmp_path_factory.mktemp("s3")) as found:
        yield found


@pytest.fixture
def proxy(port: int, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before it, as the remote of a project with three files, under a name of the test's own."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    (project / ".gitignore").write_text(".gristmill/\n.dvc/\n")
    found = Proxy(port)
    served = bucket(found.port, project.parent.name)
    configure(Remote(name="store", url=served.url, options=served.options, secrets=served.secrets))
    lock(clean={"data/clean": keep_folder(FILES)})
    yield found
    found.close()


def key(proxy_project: str, oid: str) -> str:
    """Where the server has an object."""
    return f"{proxy_project}/files/md5/{oid[:2]}/{oid[2:]}"


def sent() -> int:
    """Send what is missing; how many objects."""
    with Stores() as stores, shipment(stores, "store") as found:
        return send(found)


def pulled() -> int:
    """Drop all that is here and pull it; how many objects came."""
    with Stores() as stores:
        return pull(stores, "store").objects


def empty() -> None:
    """A clone has nothing yet."""
    for path in Path(".dvc/cache/files/md5").rglob("*"):
        if path.is_file():
            path.unlink()


UPLOADS = [
    pytest.param(Fault(kind="status", method="PUT", path=AT), "Service Unavailable", marks=pytest.mark.nightly),
    (Fault(kind="status", method="PUT", path=AT, status=507), "make room on its disk first"),
    pytest.param(
        Fault(kind="status", method="PUT", path=AT, status=403),
        "see that you may do this there",
        marks=pytest.mark.nightly,
    ),
    pytest.param(Fault(kind="reset", method="PUT", path=AT), AT, marks=pytest.mark.nightly),
    (Fault(kind="cut sent", method="PUT", path=AT), AT),
    (Fault(kind="flip sent", method="PUT", path=AT), "did not match what we received"),
]


@pytest.mark.parametrize(("fault", "said"), UPLOADS)
def test_what_does_not_arrive_is_named_and_sent_later(proxy: Proxy, fault: Fault, said: str) -> None:
    """The others arrive, but not the listing, which would stand for them all."""
    with proxy.doing(fault), pytest.raises(GristmillError, match=said) as error:
        sent()
    assert f"data/clean/beta ({BETA})" in str(error.value) and "`gristmill share -r store`" in str(error.value)
    assert sent() == 2 and fsck(["store"]).problems == [] and sent() == 0


def test_who_is_killed_in_the_middle_of_sending_goes_on_later(proxy: Proxy) -> None:
    """SIGKILL while an object is under way: no listing stands for what is not there, and the rest goes next time."""
    share = [sys.executable, "-m", "catalog", "share", "--yes"]
    fault = Fault(kind="hold", method="PUT", path=AT)
    with proxy.doing(fault), subprocess.Popen(share, start_new_session=True) as sending:
        while not proxy.met and sending.poll() is None:
            time.sleep(0.02)
        os.killpg(sending.pid, signal.SIGKILL)
    there = {one["Key"].rpartition("/")[2] for one in objects_of(proxy)}
    assert not any(name.endswith(".dir") for name in there) and BETA[2:] not in there
    assert sent() == OBJECTS - len(there) and fsck(["store"]).problems == [] and sent() == 0


def objects_of(proxy: Proxy) -> list[dict[str, str]]:
    """What the server has of this test."""
    found = client(proxy.upstream).list_objects_v2(Bucket=BUCKET, Prefix=f"{Path.cwd().parent.name}/")
    return found.get("Contents", [])  # type: ignore[no-any-return]


DOWNLOADS = [
    (Fault(kind="status", method="GET", path=AT), "Service Unavailable"),
    pytest.param(Fault(kind="reset", method="GET", path=AT), BETA, marks=pytest.mark.nightly),
    (Fault(kind="cut", method="GET", path=AT), BETA),
    (Fault(kind="flip", method="GET", path=AT), "did not match calculated checksum"),
    pytest.param(Fault(kind="status", method="GET", path=AT, status=404), "it is not there", marks=pytest.mark.nightly),
]


@pytest.mark.parametrize(("fault", "said"), DOWNLOADS)
def test_what_does_not_come_is_named_and_comes_later(proxy: Proxy, fault: Fault, said: str) -> None:
    """Nothing wrong gets into DVC's cache or data/."""
    sent()
    empty()
    with proxy.doing(fault), pytest.raises(GristmillError, match=said) as error:
        pulled()
    assert f"data/clean/beta ({BETA})" in str(error.value) and "`gristmill pull`" in str(error.value)
    assert not Path(f".dvc/cache/files/md5/{AT}").exists() and not Path("data").exists()
    assert pulled() == 1
    assert {path.name: path.read_bytes() for path in Path("data/clean").iterdir()} == FILES


def test_a_slow_server_is_waited_for(proxy: Proxy) -> None:
    """Some bytes at a time."""
    sent()
    empty()
    with proxy.doing(Fault(kind="slow", method="GET", path=AT)):
        assert pulled() == OBJECTS


def test_a_server_that_recovers_is_asked_again(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the client of S3, without a word."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    with proxy.doing(Fault(kind="status", method="PUT", path=AT, times=1)):
        assert sent() == OBJECTS


def test_what_the_server_lost_or_damaged_is_found_and_sent_again(proxy: Proxy, project: Path) -> None:
    """DVC takes the listing for all its files; each is asked for here, and read by `fsck`."""
    sent()
    store, home = client(proxy.upstream), project.parent.name
    store.delete_object(Bucket=BUCKET, Key=key(home, BETA))
    assert sent() == 1
    store.put_object(Bucket=BUCKET, Key=key(home, BETA), Body=flipped(FILES["beta"]))
    (problem,) = fsck(["store"]).problems
    assert (problem.kind, problem.item.file) == ("corrupt", "data/clean/beta")
    empty()
    with pytest.raises(GristmillError, match=rf"data/clean/beta .*: wrong bytes: expected md5 {BETA}"):
        pulled()
    keep_folder(FILES)
    assert fsck(["store"], repair=True).problems == []


def test_a_wrong_clock_is_said(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 refuses requests of another time."""
    from botocore import auth

    now = auth.get_current_datetime
    monkeypatch.setattr(auth, "get_current_datetime", lambda *given: now(*given) - timedelta(hours=5))
    with pytest.raises(GristmillError, match="the clock of this machine is wrong"):
        sent()


def test_an_object_that_is_nowhere_is_named_before_anything_is_sent(proxy: Proxy, project: Path) -> None:
    """A wrong one in DVC's cache is as good as none."""
    poisoned = Path(f".dvc/cache/files/md5/{AT}")
    poisoned.chmod(0o644)
    poisoned.write_bytes(flipped(FILES["beta"]))
    with pytest.raises(GristmillError, match=r"data/clean/beta \(.*`dvc repro clean` computes it again"):
        sent()
    assert client(proxy.upstream).list_objects_v2(Bucket=BUCKET, Prefix=project.parent.name)["KeyCount"] == 0


@contextlib.contextmanager
def shared_disk(home: Path) -> Iterator[Served]:
    """A folder."""
    yield Served(url=str(home / "store"))


@pytest.mark.parametrize("server", [shared_disk, pytest.param(openssh, marks=pytest.mark.nightly)])
def test_a_full_disk_there_is_said(server: Server, project: Path, tmp_path: Path) -> None:
    """What found room stays; when there is more, the rest is sent."""
    (project / ".gitignore").write_text(".gristmill/\n.dvc/\n")
    big = {str(number): bytes([number]) * 60_000 for number in range(6)}
    lock(clean={"data/clean": keep_folder(big)})
    disk = tmp_path / "server/store"
    disk.mkdir(parents=True)
    with server(disk.parent) as served, mounted(disk, "-t", "tmpfs", "-o", "size=200k", "gristmill-test"):
        configure(Remote(name="store", url=served.url, options=served.options))
        with pytest.raises(GristmillError, match=r"of 7 did not arrive(.|\n)*data/clean/\d \(\w+\): .* room"):
            sent()
        remount(disk, "size=1m")
        assert 0 < sent() < len(big) and fsck(["store"]).problems == []
