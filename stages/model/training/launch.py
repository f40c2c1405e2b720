"""Start what trains a model: in this process, or in several by `torchrun`, through one function of one JSON object.

Writes  job.json beside the output: what each process reads.
The processes of a run die with the one that started them, so that a resumed run never meets the remains of a killed.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from catalog.errors import GristmillError
from catalog.processes.orphans import die_with_parent

Job = Mapping[str, Any]
_ROOT = Path(__file__).parents[3]


def launch(main: Callable[[Job], None], job: Job, processes: int) -> None:
    """Call `main` of a module with `job`, in so many processes. Errors: GristmillError when one of them fails."""
    if processes == 1:
        main(job)
        return
    path = Path(job["out"]).parent / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    given = os.environ.get("GRISTMILL_TORCHRUN", f"--standalone --nproc-per-node={processes}")
    command = [sys.executable, "-m", "torch.distributed.run", *shlex.split(given), "-m", main.__module__, str(path)]
    python_path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    ran = subprocess.run(command, env=os.environ | {"PYTHONPATH": python_path}, preexec_fn=die_with_parent)
    if ran.returncode:
        raise GristmillError(
            f"one of the {processes} processes of the run failed (exit status {ran.returncode}); see its lines above"
        )


def given_job() -> Job:
    """The job of this process, one of several that `launch` started."""
    die_with_parent()
    return dict(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
