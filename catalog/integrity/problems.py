"""What fsck says: a problem with what can be done about it, and the report of all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from catalog.integrity.copies import Copy, Item
from catalog.integrity.references import named
from catalog.layout import CRAWL_LOG

CACHE, WORKSPACE, OURS = "cache", "workspace", "objects"  # where a problem is, if not on a remote


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One object or file whose bytes are wrong (`corrupt`, `different`) or gone (`lost`)."""

    kind: str
    where: str
    """cache, workspace, objects, or the name of a remote."""
    path: str
    item: Item
    expected: str
    found: str
    remedy: str

    def text(self) -> str:
        """What, where, what for, expected and found, and what can be done."""
        of = f" ({self.item.file} of {self.item.out.stage})" if self.item.out.stage else ""
        return f"{self.kind} {self.path}{of}: expected {self.expected}, found {self.found}; {self.remedy}"

    def fields(self) -> dict[str, str]:
        """The same for a program."""
        out = self.item.out
        return {
            "kind": self.kind, "where": self.where, "path": self.path, "object": self.item.oid, "stage": out.stage,
            "out": out.path, "file": self.item.file, "expected": self.expected, "found": self.found,
            "remedy": self.remedy,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, and what a repair did."""

    problems: list[Problem]
    notices: list[str]
    objects: int
    bytes: int
    repaired: list[str]

    def text(self) -> str:
        """One line each, and a summary."""
        repaired = [f"repaired  {line}" for line in self.repaired]
        lines = [*(f"note: {notice}" for notice in self.notices), *repaired, *(p.text() for p in self.problems)]
        state = named(len(self.problems), "problem") if self.problems else "clean"
        return "\n".join([*lines, f"{state}: {named(self.objects, 'object')} and files checked, {self.bytes:,} bytes"])

    def json(self) -> str:
        """One JSON object."""
        problems = [problem.fields() for problem in self.problems]
        said = {"clean": not problems, "problems": problems, "notices": self.notices, "repaired": self.repaired}
        return json.dumps({**said, "objects": self.objects, "bytes": self.bytes}, ensure_ascii=False, indent=1)


def remedy(where: str, item: Item, copy: Copy | None, default: str | None) -> str:
    """What a repair would do, or what a person can."""
    if where == OURS:
        return "`gristmill fsck --repair` deletes it; it is a copy"
    if copy:
        return f"`gristmill fsck --repair` restores it from {copy.where}"
    if where in (CACHE, WORKSPACE) and default:
        return f"`gristmill fsck --repair` fetches it from the remote {default}; if that has none, {again(item)}"
    if where == CACHE or (where == WORKSPACE and computed(item)):
        return f"`gristmill fsck --repair` deletes it; then {again(item)}"
    return f"there is no right copy here; {again(item)}"


def computed(item: Item) -> bool:
    """Can its stage compute it again? Not what a person tracks, and not what the network answered."""
    return bool(item.out.stage) and not item.out.tracked and item.out.path != CRAWL_LOG.as_posix()


def again(item: Item) -> str:
    """How the bytes of an item can be had where no copy is left."""
    out = item.out
    if not out.stage:
        return "nothing that is committed needs it"
    if out.tracked:
        return f"`dvc add {out.path}` from a good copy"
    if out.path == CRAWL_LOG.as_posix():
        return "it cannot be computed again: look for a clone that has it"
    return f"`dvc repro {out.stage}` computes it again"
