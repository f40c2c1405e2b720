"""A fork server: the parent imports DVC, the libraries and the repository's code; each command is a child of it.

The parent starts no thread (jemalloc's, which survives a fork, apart) and keeps nothing of any project. A child whose
project has other code than was imported forgets the modules that are, or import, a changed one, and imports the
project's own. tests/pipeline/forked.py is the client's side.

Run     python forkserver.py SOCKET ROOT     serves the code of ROOT until its standard input ends
"""

from __future__ import annotations

import ast
import contextlib
import gc
import hashlib
import importlib
import marshal
import os
import runpy
import selectors
import shlex
import signal
import socket
import sys
import threading
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CODE = ("catalog", "stages")
STAGES = ("crawl", "clean", "dedup", "label", "augment", "tokenize", "catalog")
LIBRARIES = (
    "dvc.cli.parser", "dvc.repo.reproduce", "dvc.repo.open_repo", "dvc.repo.stage", "dvc.repo.graph", "dvc.scm",
    "dvc.stage.cache", "dvc.stage.run", "dvc.stage.serialize", "dvc.dvcfile", "dvc.output", "dvc.data_cloud",
    "dvc.cachemgr", "dvc.rwlock", "dvc.analytics", "dvc.parsing.context", "dvc.utils.strictyaml",
    "dvc.repo.index", "dvc.repo.plots", "dvc.repo.artifacts", "dvc.repo.datasets", "dvc.dirs", "dvc._debug",
    "dvc_render.vega", "dvc_render.plotly", "dvc_render.image", "ruamel.yaml", "platformdirs.unix", "dulwich.worktree",
    "dulwich.ignore", "pydantic.type_adapter", "pydantic.json_schema", "typer._adapters", "dvc_data.index.build",
    "dvc_data.hashfile.build", "dvc_data.hashfile.checkout", "dvc_data.hashfile.transfer", "dvc_data.hashfile.status",
    "dvc_data.hashfile.db.local", "dvc_data.hashfile._progress", "dulwich.repo", "dulwich.client", "dulwich.bundle_uri",
    "networkx", "flufl.lock", "fsspec.implementations.memory", "duckdb", "pyarrow.compute", "pyarrow.parquet",
    "pyarrow.dataset", "pyarrow.acero", "tokenizers", "sqlite3", "jieba", "pydantic", "zoneinfo", "numpy.ma",
    "typer._click.decorators", "multiprocessing.forkserver", "concurrent.futures.process", "catalog.cli",
    "catalog.integrity.conservation", "stages.model.tokens.tokenizing",
)  # fmt: skip
HARMLESS = {"python", "jemalloc_bg_thd"}  # threads of a parent; jemalloc restarts its own after a fork
LONGEST = 1 << 18  # bytes of a request


def code_digests(root: Path) -> dict[str, str]:
    """Digest of every file of the code below `root` by its relative path, compiled ones left out."""
    digests = {}
    for folder in CODE:
        for home, folders, files in os.walk(root / folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                with open(os.path.join(home, name), "rb") as stream:
                    path = os.path.relpath(os.path.join(home, name), root)
                    digests[path] = hashlib.sha256(stream.read()).hexdigest()
    return digests


@dataclass(frozen=True)
class Job:
    """A command that runs: its process, and who waits for its exit status."""

    module: str
    pid: int
    client: socket.socket


class Server:
    """The parent: accepts requests, forks, reports exit statuses; one thread, no computation."""

    def __init__(self, place: str, root: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(place)
        self._listener.listen(64)
        self._code = Code(root)
        self._jobs: dict[int, Job] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(0, selectors.EVENT_READ)

    def serve(self) -> None:
        """Until standard input ends."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == 0:
                    self._kill("", signal.SIGKILL)
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._end(key.fd)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        message, files, _, _ = socket.recv_fds(client, LONGEST, 3)
        if not message:  # whoever connected is dead
            client.close()
            return
        asked = marshal.loads(message)
        if "kill" in asked:
            with contextlib.suppress(OSError):
                client.send(marshal.dumps(self._kill(asked["kill"], asked["signal"])))
            client.close()
            return
        pid = os.fork()
        if pid == 0:
            self._become(asked, files)
        for one in files:
            os.close(one)
        watched = os.pidfd_open(pid)
        self._jobs[watched] = Job(asked["argv"][1], pid, client)
        self._selector.register(watched, selectors.EVENT_READ)

    def _become(self, asked: dict[str, Any], files: list[int]) -> None:
        """In the child: be the command, then end. Never returns."""
        status = 1
        try:
            for number, one in enumerate(files):
                os.dup2(one, number)
            self._selector.close()
            os.closerange(3, 256)
            status = become(asked, self._code)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def _end(self, watched: int) -> None:
        job = self._jobs.pop(watched)
        self._selector.unregister(watched)
        os.close(watched)
        _, status = os.waitpid(job.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(OSError):  # whoever asked may be dead
            job.client.send(str(code if code >= 0 else 128 - code).encode())
        job.client.close()

    def _kill(self, module: str, number: int) -> list[str]:
        chosen = [job for job in self._jobs.values() if job.module.startswith(module)]
        for job in chosen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.pid, number)
        return [job.module for job in chosen]


def become(asked: dict[str, Any], code: Code) -> int:
    """Run `python -m …` as a new process would; the exit status."""
    flag, module, *arguments = asked["argv"]
    assert flag == "-m", f"only `python -m` is served, not {shlex.join(asked['argv'])}"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = [module, *arguments]
    project, *_ = asked["env"]["PYTHONPATH"].split(os.pathsep)  # others, as of who watches connections, may follow
    code.move_to(Path(project))
    warnings.filterwarnings("ignore", message=".*found in sys.modules.*", category=RuntimeWarning)
    gc.enable()
    return run_module(module)


class Code:
    """The repository's modules as the parent imported them, and who imports whom."""

    def __init__(self, root: Path) -> None:
        self._root, self._digests = root, code_digests(root)
        sources = {name: module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] in CODE}
        self._imports = {name: imported_by(Path(file), name) for name, file in sources.items() if file}

    def move_to(self, project: Path) -> None:
        """Import from `project` from now on, and forget every module that is, or imports, another than there."""
        assert (project / "stages").is_dir(), f"{project} has no code, and that of another project would run unseen"
        sys.path[:] = [str(project) if entry == str(self._root) else entry for entry in sys.path]
        found = code_digests(project)
        changed = {path for path in found.keys() | self._digests.keys() if found.get(path) != self._digests.get(path)}
        known = {name.replace(".", "/") + ".py": name for name in self._imports}
        forgotten = self._with_importers({known.get(path, "") for path in changed})
        for name in forgotten:
            sys.modules.pop(name, None)
        for name, module in [(name, module) for name, module in sys.modules.items() if name in self._imports]:
            if hasattr(module, "__path__"):
                module.__path__[:] = [str(project / name.replace(".", "/"))]
                for child in [child for child in forgotten if child.rpartition(".")[0] == name]:
                    vars(module).pop(child.rpartition(".")[2], None)
        importlib.invalidate_caches()

    def _with_importers(self, names: set[str]) -> set[str]:
        """`names` and all that import them, however far; everything where a changed file is no plain module."""
        if "" in names:
            return set(self._imports)
        while more := {name for name, imports in self._imports.items() if imports & names} - names:
            names |= more
        return names


def imported_by(path: Path, module: str) -> set[str]:
    """Every module that a source file may import, functions included; a name that is no module does no harm."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def run_module(module: str) -> int:
    """Run a module as `__main__`, and end as Python does: a message for an error, threads joined, streams flushed."""
    status = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    return status


def preload(root: Path) -> None:
    """Import everything that a command of the project imports; start no thread that a fork would lose."""
    sys.path[:] = [str(root), *(entry for entry in sys.path if entry != str(Path(__file__).parent))]
    for name in (*LIBRARIES, *(f"stages.{stage}" for stage in STAGES)):
        importlib.import_module(name)
    importlib.import_module("pyarrow").set_cpu_count(1)
    load_kernels()
    threads = {Path(f"/proc/self/task/{one}/comm").read_text().strip() for one in os.listdir("/proc/self/task")}
    assert threads <= HARMLESS, f"the parent has threads: {threads - HARMLESS}"
    gc.collect()
    gc.freeze()
    gc.disable()


def load_kernels() -> None:
    """Have compiled code, dictionaries and models loaded, by putting two texts through them."""
    import numpy as np
    import pyarrow as pa

    from catalog.incremental.fingerprint import code_digests
    from stages.augmentation import wording
    from stages.text.language import identify
    from stages.text.minhash import clusters, lsh, shingles, signatures
    from stages.text.signals import measuring

    bodies = ["The old river carries a letter to the sea, slowly.", "天地人山水火木金土日月风雨"]
    texts = pa.table({"id": ["1", "2"], "text": bodies, "language": ["en", "zh"]})
    measuring.measure(texts)
    offsets, hashes = shingles.shingle_hashes(texts["text"], words=5, characters=5)
    signed = signatures.signatures(offsets, hashes, num_perm=112, seed=1)
    lsh.near_any(signed, signed, bands=14, rows=8, min_jaccard=0.8)
    evidence = clusters.Evidence(signed, *clusters.shingle_sets(offsets, hashes), True)
    clusters.connect(evidence, 2, bands=14, rows=8, min_jaccard=0.8)
    clusters.per_mille(evidence, np.array([0]), np.array([1]))
    for stage in STAGES:
        code_digests(f"stages.{stage}")
    identify.identify("The old river")
    wording.split_words("天地", "zh")


def main() -> None:
    """Serve; see the module."""
    place, root = sys.argv[1], Path(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload(root)
    server = Server(place, root)
    os.write(1, b"ready\n")
    server.serve()
    os._exit(0)


if __name__ == "__main__":
    main()
