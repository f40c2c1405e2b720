"""Asked: the task that a command is about, and the version of its guideline."""

from __future__ import annotations

from pathlib import Path

from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.params import read_block
from stages.labels.tasks import Task, parse_tasks


def task_named(name: str) -> Task:
    """A task of params.yaml. Errors: InputError that lists those there are."""
    tasks = {task.name: task for task in parse_tasks(read_block("label").get("tasks", []))}
    if name not in tasks:
        raise InputError(f"no task is called {name}; label.tasks in params.yaml has {', '.join(tasks) or 'none'}")
    return tasks[name]


def guideline_of(task: Task) -> tuple[Path, str]:
    """The guideline of a task, and its version. Errors: InputError where it has none."""
    path = Path(task.guideline or f"data/guidelines/{task.name}.md")
    if not task.guideline or not path.is_file():
        raise InputError(
            f"the task {task.name} has no guideline for those who label; write {path}, and "
            f"`guideline: {path}` under it in label.tasks of params.yaml"
        )
    return path, file_sha256(path)
