"""Where DVC keeps objects: its cache here and its remotes, through DVC's own object stores, so that every kind works.

Reads   objects, streamed and hashed several at once; DVC's configuration
Writes  what a repair puts or deletes; `verify = true` in .dvc/config
DVC trusts an object that lies there read-only, and a listing for all its files; here only bytes are trusted.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeVar

from catalog.digests import CHUNK
from catalog.errors import BusyError, GristmillError
from catalog.execution.executor import workers
from catalog.integrity.references import Out
from catalog.integrity.wording import said
from catalog.layout import LOCAL
from catalog.schema import STAGES

CONFIG = Path(".dvc/config")
REMOTE_SECTION = re.compile(r"""^\s*\[\s*['"]?\s*remote\s+"(?P<name>[^"]+)"\s*['"]?\s*\]""")
SECTION = re.compile(r"^\s*\[")
VERIFY = re.compile(r"^\s*verify\s*=\s*(?P<value>\S+)", re.IGNORECASE)
AT_ONCE = 4096  # futures that wait at a time
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bytes:
    """What some bytes are."""

    sha256: str
    md5: str
    size: int


class Place:
    """The objects of DVC's cache (`name` is "cache") or of a remote. `odb` is DVC's HashFileDB."""

    def __init__(self, name: str, odb: Any) -> None:
        self.name = name
        self._odb = odb
        self.local = odb.fs.protocol == "local"
        self.listable = bool(odb.fs.CAN_TRAVERSE)
        """False over plain HTTP: it cannot say what it has, nor delete."""
        self.url = str(odb.fs.unstrip_protocol(odb.path))

    def path(self, oid: str) -> str:
        """Where an object lies."""
        return str(self._odb.oid_to_path(oid))

    def shown(self, oid: str) -> str:
        """The same for a person: a path as one would type it here, or a URL."""
        path = self.path(oid)
        if not self.local:
            return str(self._odb.fs.unstrip_protocol(path))
        return str(Path(path).relative_to(Path.cwd())) if Path(path).is_relative_to(Path.cwd()) else path

    def present(self, oids: Iterable[str]) -> set[str]:
        """Those that are here. Errors: GristmillError when the place cannot be asked."""
        wanted = set(oids)
        if self.local:  # DVC's own question would delete objects that are wrong and not read-only
            return {oid for oid in wanted if Path(self.path(oid)).is_file()}
        with self._asked():
            found = set(self._odb.oids_exist(wanted, jobs=self._odb.fs.jobs)) if wanted else set()
        if wanted and not found:
            self.bytes_of(min(wanted))  # to DVC a web server that does not answer has nothing; here it is an error
        return found

    def all(self) -> list[str]:
        """Every object, sorted, of a place that is listable. Errors: GristmillError when it does not answer."""
        with self._asked():
            return sorted(self._odb.all(jobs=self._odb.fs.jobs))

    def bytes_of(self, oid: str) -> Bytes | None:
        """What an object is; None when it is gone. Errors: GristmillError when it cannot be read."""
        try:
            with self._asked(), self._odb.fs.open(self.path(oid), "rb") as stream:
                return bytes_of(stream)
        except FileNotFoundError:
            return None

    def fetch(self, oid: str, target: Path) -> None:
        """Copy an object to a file, unchecked. Errors: FileNotFoundError, GristmillError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._asked():
            self._odb.fs.get_file(self.path(oid), str(target))

    def put(self, oid: str, source: Path) -> None:
        """Replace an object by a file of right bytes. Errors: GristmillError when it cannot be written."""
        from dvc_data.hashfile.db import get_index
        from dvc_objects.fs.local import localfs

        with contextlib.suppress(NotImplementedError):  # http: an upload replaces
            self.delete(oid)
        with self._asked():
            self._odb.add(str(source), localfs, oid, check_exists=False, verify=False)
            get_index(self._odb).clear()  # DVC's memory of which listings the remote has

    def send(self, sources: Mapping[str, Path]) -> dict[str, str]:
        """Upload objects, several at once; of those that did not arrive whole, why. Errors: GristmillError."""
        from dvc_objects.fs.local import localfs

        failed: dict[str, str] = {}

        def note(oid: str, error: BaseException) -> None:
            failed[oid] = said(error)

        with self._asked():
            paths = [str(path) for path in sources.values()]
            self._odb.add(paths, localfs, list(sources), check_exists=False, verify=False, on_error=note)
        arrived = {oid: path for oid, path in sources.items() if oid not in failed}
        sizes = side_by_side(self._size, arrived, remote=not self.local)
        for (oid, path), size in zip(arrived.items(), sizes, strict=True):
            if size != path.stat().st_size:
                failed[oid] = f"{size} of {path.stat().st_size:,} bytes arrived"
        return failed

    def _size(self, oid: str) -> int | str | None:
        """Bytes of an object as the place says, or why it does not."""
        try:
            with self._asked():
                size: int | None = self._odb.fs.info(self.path(oid)).get("size")
                return size
        except (FileNotFoundError, GristmillError) as error:
            return said(error)

    def delete(self, oid: str) -> None:
        """Remove an object; none is fine. Errors: GristmillError when it may not be removed."""
        with contextlib.suppress(FileNotFoundError), self._asked():
            self._odb.delete(oid)

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """Errors of every kind of remote as one; a missing file stays what it is."""
        try:
            yield
        except NotImplementedError:
            raise
        except FileNotFoundError as error:
            if not isinstance(error.__cause__, OSError) or isinstance(error.__cause__, FileNotFoundError):
                raise
            raise GristmillError(f"{self.name} ({self.url}): {error.__cause__}") from error  # http: no answer
        except Exception as error:  # each kind of remote has errors of its own
            raise GristmillError(f"{self.name} ({self.url}): {said(error)}") from error


class Stores:
    """DVC's cache and remotes of this project. Errors: GristmillError outside a project."""

    def __init__(self) -> None:
        if not Path(".dvc").is_dir():
            raise GristmillError(f"no .dvc in {Path.cwd()}; run the command in the root of a Gristmill project")
        from dvc.exceptions import DvcException  # type: ignore[import-untyped]
        from dvc.repo import Repo  # type: ignore[import-untyped]

        try:
            self._repo: Any = Repo()
        except DvcException as error:
            raise GristmillError(f"DVC cannot open the project: {error}; see .dvc/config") from None
        self.cache = Place("cache", self._repo.cache.local)
        self.folder = Path(self._repo.cache.local.path)
        """Of the cache's objects."""
        self.default: str | None = self._repo.config["core"].get("remote")

    def __enter__(self) -> Stores:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._repo.close()

    def remote(self, name: str) -> Place:
        """A remote by its name. Errors: GristmillError when there is none, or it keeps versions itself."""
        from dvc.exceptions import DvcException

        known = sorted(self._repo.config["remote"])
        if name not in known:
            raise GristmillError(
                f"no remote is called {name} (known: {', '.join(known) or 'none'}); see `dvc remote list`"
            )
        try:
            return Place(name, self._repo.cloud.get_remote_odb(name, "fsck"))
        except (DvcException, ImportError) as error:
            raise GristmillError(f"remote {name}: {error}") from None

    def remotes(self) -> list[str]:
        """The names of all remotes that are configured."""
        return sorted(self._repo.config["remote"])

    def sends(self, name: str) -> Callable[[Out], bool]:
        """Does `dvc push -r NAME` send an output? Not one kept out of the cache, of another remote, or imported."""
        from dvc.exceptions import DvcException

        try:
            outs = list(self._repo.index.outs)
        except DvcException as error:
            raise GristmillError(f"DVC cannot read the project's graph: {error}") from None
        kept = {
            out.fs.relpath(out.fs_path, self._repo.root_dir)
            for out in outs
            if not (out.use_cache and out.can_push) or out.stage.is_repo_import or out.remote not in (None, name)
        }
        return lambda out: out.path not in kept

    @contextlib.contextmanager
    def no_builds(self) -> Iterator[None]:
        """Hold the lock of every stage, and DVC's. Errors: BusyError when one is held."""
        from dvc.lock import LockError  # type: ignore[import-untyped]

        from catalog.incremental.stage import lock_stage

        with contextlib.ExitStack() as held:
            for stage in STAGES:
                held.enter_context(lock_stage(stage))
            try:
                held.enter_context(self._repo.lock)
            except LockError:
                raise BusyError("another DVC command runs in this project; wait for it, then try again") from None
            yield


def bytes_of(stream: IO[bytes]) -> Bytes:
    """Digests and size of a stream, in one pass and bounded memory."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    while chunk := stream.read(CHUNK):
        sha256.update(chunk)
        md5.update(chunk)
        size += len(chunk)
    return Bytes(sha256=sha256.hexdigest(), md5=md5.hexdigest(), size=size)


def side_by_side(work: Callable[[T], R], items: Iterable[T], *, remote: bool = False) -> Iterator[R]:
    """`work` of each item, in order, several at once; waiting for a network costs no CPU."""
    with ThreadPoolExecutor(8 if remote else workers()) as threads:
        source = iter(items)
        while batch := list(islice(source, AT_ONCE)):
            yield from threads.map(work, batch)


def unverified() -> list[str]:
    """Remotes of .dvc/config without `verify = true`: DVC takes what they send for right."""
    return [name for name, verify in _remotes().items() if verify != "true"]


def set_verify(name: str) -> None:
    """Write `verify = true` for a remote into .dvc/config; every other line stays as it is."""
    lines: list[str] = []
    inside = False
    for line in CONFIG.read_text(encoding="utf-8").splitlines(keepends=True):
        section = REMOTE_SECTION.match(line)
        if SECTION.match(line):
            inside = bool(section and section["name"] == name)
        if inside and VERIFY.match(line):
            continue
        lines.append(line)
        if inside and SECTION.match(line):
            lines[-1] = line.rstrip("\n") + "\n"
            lines.append("    verify = true\n")
    beside = LOCAL / "config.tmp"
    beside.parent.mkdir(exist_ok=True)
    beside.write_text("".join(lines), encoding="utf-8")
    beside.replace(CONFIG)


def _remotes() -> dict[str, str | None]:
    """Remote -> its `verify`, as .dvc/config says."""
    found: dict[str, str | None] = {}
    name = None
    for line in CONFIG.read_text(encoding="utf-8").splitlines() if CONFIG.exists() else []:
        section, verify = REMOTE_SECTION.match(line), VERIFY.match(line)
        if SECTION.match(line):
            name = section["name"] if section else None
        if name and section:
            found.setdefault(name, None)
        elif name and verify:
            found[name] = verify["value"].lower()
    return found
