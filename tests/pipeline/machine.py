"""The state machine: what a user, a crash or a bad disk may do to a project, as rules over lines of shell.

Reads   tests/pipeline/edits.py for what to change; tests/pipeline/compared.py holds it against a clean build.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.pipeline.compared import Compared
from tests.pipeline.edits import CODE, PARAMETERS, base_params, document, line_of, page, set_parameter, source
from tests.pipeline.workbench import REPRO

# A build in a process group of its own, killed after some seconds; `wait` reaps it, as a shell does.
KILLED = f"set -m; {REPRO} & p=$!; sleep {{seconds}} & wait -n; kill -9 -- -$p; kill %2; wait $p"
OBJECTS = ".dvc/cache/files/md5/*/*"
LEAST = 3  # documents that stay in a file
ANY = st.integers(0, 1000)  # an index, taken modulo the number of things there are
NEW = st.integers(100, 160)  # the number of a made-up document


class Machine(Compared):
    """One sequence; its teardown compares with a clean build."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = "main"
        self.edited: dict[str, set[int]] = {"main": set()}  # branch -> code edits in force
        self.deleted: list[str] = []
        self.twins = self.added = 0

    # Documents

    @rule(file=ANY, number=NEW, place=ANY)
    def add(self, file: int, number: int, place: int) -> None:
        """A new document; the same number twice is the same text and id twice."""
        self.insert(self.file(file), line_of(document(number)), place)

    @rule(file=ANY, place=ANY, word=st.sampled_from(["Truly ", "Not ", "天 "]))
    def edit(self, file: int, place: int, word: str) -> None:
        """Another first word."""
        path = self.file(file)
        self.bench.sh(f"""sed -i '{self.line(path, place)}s/"text": "/"text": "{word}/' {path}""")

    @rule(file=ANY, place=ANY)
    def delete(self, file: int, place: int) -> None:
        """A document goes."""
        self.deleted += self.cut(self.file(file), place)

    @rule(file=ANY, which=ANY, place=ANY)
    def put_back(self, file: int, which: int, place: int) -> None:
        """A deleted document comes back, to some place of some file."""
        if self.deleted:
            self.insert(self.file(file), self.deleted.pop(which % len(self.deleted)), place)

    @rule(file=ANY, how=st.sampled_from(["tac", "sort", "sort -r"]))
    def reorder(self, file: int, how: str) -> None:
        """The same documents in another order."""
        path = self.file(file)
        self.bench.sh(f"LC_ALL=C {how} {path} > ../ordered && cp ../ordered {path}")

    @rule(file=ANY, other=ANY, place=ANY)
    def move(self, file: int, other: int, place: int) -> None:
        """A document goes to the end of another file."""
        for line in self.cut(self.file(file), place):
            self.insert(self.file(other), line, -1)

    @rule(file=ANY, place=ANY, into=ANY, more=st.sampled_from(["", "", " really", "。"]))
    def plant_twin(self, file: int, place: int, into: int, more: str) -> None:
        """A document with the text of another one, or nearly, under an id that sorts before or after."""
        path = self.file(file)
        record = json.loads(self.bench.read(path)[self.line(path, place) - 1])
        self.twins += 1
        record |= {"id": f"twin{self.twins}", "text": record["text"] + more}
        self.insert(self.file(into), line_of(record), place)

    @rule()
    def remove_twins(self) -> None:
        """Whatever a twin suppressed must come back."""
        self.bench.sh("""sed -i '/"id": "twin/d' inbox/*.jsonl""")

    @rule(file=ANY, place=ANY)
    def forget(self, file: int, place: int) -> None:
        """A document goes for good, also where it is added again."""
        path = self.file(file)
        name = json.loads(self.bench.read(path)[self.line(path, place) - 1])["id"]
        self.bench.sh(f"python -m catalog forget file:{path}#{name} --reason test --yes")

    # Files and sources

    @rule(file=ANY)
    def drop_source(self, file: int) -> None:
        """A source goes, with its file."""
        path = self.file(file)
        if len(self.bench.inbox()) > 1:
            self.sources([entry for entry in self.listed() if entry["path"] != path])
            self.bench.sh(f"mv {path} ../")

    @rule(which=ANY)
    def bring_source(self, which: int) -> None:
        """A dropped source comes back as it was, or a new one comes, with the documents of another under its name."""
        away = sorted(path.name for path in self.bench.folder.parent.glob("*.jsonl"))
        if away:
            name = away[which % len(away)]
            self.bench.sh(f"mv ../{name} inbox/")
        else:
            self.added += 1
            name = f"{9 - self.added}.jsonl"
            self.bench.sh(f"cp {self.file(which)} inbox/{name}")
        self.sources([*self.listed(), source(f"reviews-{name[0]}", f"inbox/{name}")])

    @rule(number=st.integers(2, 5))
    def toggle_page(self, number: int) -> None:
        """A page of a folder comes or goes."""
        path = f"inbox/pages/{number}.html"
        exists = (self.bench.folder / path).exists()
        self.bench.sh(f"rm {path}" if exists else f"printf %s {shlex.quote(page(number))} > {path}")

    @rule(which=ANY, licence=st.sampled_from(["MIT", "CC0-1.0"]))
    def licence(self, which: int, licence: str) -> None:
        """A source gets another licence; its documents stay."""
        entries = self.listed()
        entries[which % len(entries)]["licence"] = licence
        self.sources(entries)

    # Parameters and code

    @rule(which=st.integers(0, len(PARAMETERS) - 1), value=ANY)
    def parameter(self, which: int, value: int) -> None:
        """A parameter gets another value."""
        key, values = PARAMETERS[which]
        self.bench.sh(set_parameter(key, values[value % len(values)]))

    @rule(which=ANY)
    def revert_parameter(self, which: int) -> None:
        """A changed parameter gets its first value again."""
        now, before = self.bench.params(), base_params()
        changed = [key for key, _ in PARAMETERS if now[(at := key.split("."))[0]][at[1]] != before[at[0]][at[1]]]
        if changed:
            stage, name = changed[which % len(changed)].split(".")
            self.bench.sh(set_parameter(f"{stage}.{name}", before[stage][name]))

    @rule(which=st.integers(0, len(CODE) - 1))
    def code(self, which: int) -> None:
        """An edit of the code is made, or taken back where it is in force."""
        edited = self.edited[self.branch]
        self.bench.sh(CODE[which].line(which not in edited))
        edited ^= {which}

    # Git

    @rule()
    def commit(self) -> None:
        """Everything is committed, built or not."""
        self.bench.sh("git add -A && git commit -qm step --allow-empty")

    @rule(branch=st.sampled_from(["main", "one", "two"]))
    def switch(self, branch: str) -> None:
        """To another branch, with a clean tree, and a build there."""
        self.commit()
        if branch not in self.edited:
            self.edited[branch] = set(self.edited[self.branch])
            self.bench.sh(f"git checkout -qb {branch}")
        elif branch != self.branch:
            self.bench.sh(f"git checkout -q {branch}")
        self.branch = branch
        self.repro()

    # Losses and crashes

    @rule(what=st.sampled_from([".gristmill", ".gristmill/journal.sqlite*", ".gristmill/objects", "data/clean"]))
    def lose(self, what: str) -> None:
        """What is disposable goes, or an output."""
        self.bench.sh(f"rm -rf {what}")

    @rule(which=ANY)
    def lose_object(self, which: int) -> None:
        """An object of DVC's store goes."""
        if objects := self.bench.found(OBJECTS):
            self.bench.sh(f"rm -f {objects[which % len(objects)]}")

    @rule(which=ANY, how=st.sampled_from(["printf XX | dd of={} conv=notrunc status=none", "echo >> {}"]))
    def damage(self, which: int, how: str) -> None:
        """An object of DVC's store holds other bytes, of the same or another size, its mode as it was.

        DVC trusts the mode and hands such bytes out, so it is `gristmill fsck` that must put things right.
        """
        if objects := self.bench.found(OBJECTS):
            self.damaged = True
            self.bench.sh(how.format(objects[which % len(objects)]))

    @rule(which=ANY)
    def spoil(self, which: int) -> None:
        """A file of an output grows by a byte, in place, and with it DVC's object, whose inode it shares."""
        files = sorted(
            str(path.relative_to(self.bench.folder)) for path in self.bench.folder.glob("data/*/*/*.parquet")
        )
        if files:
            self.damaged = True
            self.bench.sh(f"echo >> {files[which % len(files)]}")

    @rule(tenths=st.integers(5, 35))
    def kill(self, tenths: int) -> None:
        """kill -9 of a whole build, of real processes."""
        self.bench.sh(KILLED.format(seconds=tenths / 10), check=False, real=True)

    @rule()
    def repro(self) -> None:
        """A build; one that fails must fail in an empty clone as well, if it is the last."""
        self.built()

    @rule()
    def build_again(self) -> None:
        """As likely as two other rules."""
        self.built()

    # What rules share

    def file(self, which: int) -> str:
        """One of the files of documents."""
        files = self.bench.inbox()
        return files[which % len(files)]

    def line(self, path: str, place: int) -> int:
        """The number of a line of a file, from 1."""
        return place % max(len(self.bench.read(path)), 1) + 1

    def insert(self, path: str, line: str, place: int) -> None:
        """A line before another one, or at the end."""
        if place < 0 or not self.bench.read(path):
            self.bench.sh(f"printf '%s\\n' {shlex.quote(line)} >> {path}")
        else:
            self.bench.sh(f"sed -i {shlex.quote(f'{self.line(path, place)}i {line}')} {path}")

    def cut(self, path: str, place: int) -> list[str]:
        """Remove a line, unless few are left; the line."""
        lines, number = self.bench.read(path), self.line(path, place)
        if len(lines) <= LEAST:
            return []
        self.bench.sh(f"sed -i {number}d {path}")
        return [lines[number - 1]]

    def listed(self) -> list[dict[str, Any]]:
        """crawl.sources."""
        return list(self.bench.params()["crawl"]["sources"])

    def sources(self, entries: list[dict[str, Any]]) -> None:
        """Other crawl.sources."""
        self.bench.sh(set_parameter("crawl.sources", entries))
