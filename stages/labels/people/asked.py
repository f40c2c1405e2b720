"""Asked: the task that a command is about, the version of its guideline, and the second texts that it asks about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.params import read_block
from catalog.schema import DOCUMENTS
from catalog.segments import Segment, read_segments
from stages.labels.documents import second_texts, stacked
from stages.labels.tasks import Task, parse_tasks
from stages.labels.values import TWO_TEXTS


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


def seconds_of(task: Task, texts: Sequence[Segment]) -> dict[str, list[str]]:
    """Text digest -> its second texts, sorted; empty for a task of one text. `texts` are segments of `clean/text`."""
    if task.kind not in TWO_TEXTS:
        return {}
    documents = stacked(texts, ["id", "text_digest"], DOCUMENTS)
    return second_texts(read_segments("crawl", "captures"), documents, task.sources)
