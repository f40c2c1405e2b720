"""Fsck: is every object what its name says? DVC calls a project up to date by names, dates and modes; here bytes count.

Reads   dvc.lock and *.dvc (of every commit with `everything`), DVC's cache, data/, .gristmill/objects, remotes
Checks  objects of the cache and of remotes by md5, and by sha256 where a manifest gives it; files of data/ against
        dvc.lock; our own objects by sha256; a remote that has a listing has its files
What nobody pulled or pushed is not corrupt: it is said as information. Nothing is written unless asked to repair.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from catalog.errors import GristmillError
from catalog.integrity.copies import Copies, Inventory, Item, inventory
from catalog.integrity.problems import CACHE, OURS, WORKSPACE, Problem, Report, remedy
from catalog.integrity.references import Out, named, outs_ever, working_outs
from catalog.integrity.remotes import CONFIG, Bytes, Place, Stores, side_by_side, unverified
from catalog.integrity.repair import mend
from catalog.integrity.torn import mend_torn, refuse_torn, torn
from catalog.layout import MANIFEST, OBJECTS

OBJECT = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{32})")


def fsck(remotes: Sequence[str] = (), *, everything: bool = False, repair: bool = False) -> Report:
    """Check the project and some remotes; with `repair`, mend what has a right copy, then check again.

    Errors: GristmillError outside a project or for an unknown remote; BusyError when a build runs during a repair;
    InputError for a file that DVC left half-written (catalog/integrity/torn.py), without a repair.
    """
    with Stores() as stores:
        mended = _mended_torn(stores) if repair else []
        refuse_torn()
        places = [stores.remote(name) for name in remotes]
        found = replace(_examine(stores, places, everything), repaired=mended)
        if not repair or not (found.problems or unverified()):
            return found
        with stores.no_builds():
            done, left = mend(found.problems, stores, places)
        after = _examine(stores, places, everything)
    known = {(problem.where, problem.path) for problem in after.problems}
    remain = [problem for problem in left if (problem.where, problem.path) not in known]
    return replace(after, problems=[*remain, *after.problems], repaired=[*mended, *done])


def _mended_torn(stores: Stores) -> list[str]:
    if not torn():
        return []
    with stores.no_builds():
        return mend_torn()


class _Check:
    """One pass: what it counted and what it noted."""

    def __init__(self, copies: Copies, default: str | None) -> None:
        self.copies = copies
        self.default = default
        self.notices: list[str] = []
        self.objects = self.bytes = 0

    def count(self, found: Bytes | None) -> None:
        """Add what was hashed."""
        if found:
            self.objects += 1
            self.bytes += found.size

    def problem(self, kind: str, where: str, path: str, item: Item, expected: str, found: str) -> Problem:
        """A problem with its remedy."""
        copy = None if where == OURS else self.copies.find(item, but=where)
        said = remedy(where, item, copy, self.default)
        return Problem(kind=kind, where=where, path=path, item=item, expected=expected, found=found, remedy=said)


def _examine(stores: Stores, places: Sequence[Place], everything: bool) -> Report:
    with Copies(stores.cache, places) as copies:
        check = _Check(copies, stores.default)
        working = working_outs()
        outs = list(dict.fromkeys([*working, *outs_ever()])) if everything else working
        needed = inventory(outs, copies)
        loose = _loose(stores.folder, needed.items) if everything else []
        problems = [
            *_cache_problems(check, stores.cache, [*needed.items, *loose]),
            *_workspace_problems(check, working, needed.items),
            *_own_problems(check),
        ]
        for place in places:
            problems += _remote_problems(check, place, needed, stores.sends(place.name), set(working))
        _note_absent(check, working, needed, stores.cache)
        check.notices += [
            f"the remote {name} has no `verify = true` in {CONFIG}, so `dvc pull` takes corrupt objects for right; "
            "`gristmill fsck --repair` sets it"
            for name in unverified()
        ]
    return Report(problems=problems, notices=check.notices, objects=check.objects, bytes=check.bytes, repaired=[])


def _cache_problems(check: _Check, cache: Place, items: Iterable[Item]) -> Iterator[Problem]:
    """Objects of DVC's cache with other bytes than their name, or their manifest, says."""
    by_oid = _by_oid(items)
    hashed = side_by_side(lambda oid: check.copies.bytes_of(Path(cache.path(oid))), by_oid)
    for (oid, needs), found in zip(by_oid.items(), hashed, strict=True):
        check.count(found)
        yield from _wrong(check, CACHE, cache.shown(oid), needs, found)


def _wrong(check: _Check, where: str, path: str, items: Iterable[Item], found: Bytes | None) -> Iterator[Problem]:
    """The first of an object's items that its bytes are not."""
    for item in items:
        if found and not item.is_right(found):
            expected, is_ = item.difference(found)
            yield check.problem("corrupt", where, path, item, expected, is_)
            return


def _workspace_problems(check: _Check, working: Iterable[Out], items: Iterable[Item]) -> Iterator[Problem]:
    """Files of data/ that are not what dvc.lock says, in folders that hold the build it names."""
    by_out = _by_out(items)
    for out in working:
        files = [item for item in by_out.get(out, ()) if item.file != out.path or not out.folder]
        hashed = list(side_by_side(lambda item: check.copies.bytes_of(Path(item.file)), files))
        for found in hashed:
            check.count(found)
        wrong = [(item, found) for item, found in zip(files, hashed, strict=True) if found and not item.is_right(found)]
        if not wrong:
            continue
        if _is_another_build(out, dict(zip((item.file for item in files), hashed, strict=True)), wrong):
            check.notices.append(f"{out.path} is not the version that dvc.lock names; `dvc status` says what changed")
            continue
        for item, found in wrong:
            expected, is_ = item.difference(found)
            yield check.problem("different", WORKSPACE, item.file, item, expected, is_)


def _is_another_build(out: Out, files: Mapping[str, Bytes | None], wrong: Iterable[tuple[Item, Bytes]]) -> bool:
    """Did a person or an unfinished build change it? The manifest, written last, says which build a folder holds."""
    manifest = f"{out.path}/{MANIFEST}"
    changed = manifest in files and (files[manifest] is None or manifest in {item.file for item, _ in wrong})
    return out.tracked or changed


def _own_problems(check: _Check) -> Iterator[Problem]:
    """Our own objects whose sha256 is not in their name; a seal is not trusted."""
    paths = [path for path in sorted(OBJECTS.glob("*")) if OBJECT.fullmatch(path.name)]
    for path, found in zip(paths, side_by_side(check.copies.bytes_of, paths), strict=True):
        check.count(found)
        sha256, _, md5 = path.name.partition(".")
        if found and found.sha256 != sha256:
            item = Item(oid=md5, out=Out(stage="", path="", oid=md5), file="")
            expected = (f"sha256 {sha256}", f"sha256 {found.sha256}")
            yield check.problem("corrupt", OURS, str(path), item, *expected)


def _remote_problems(
    check: _Check, place: Place, needed: Inventory, sends: Callable[[Out], bool], working: set[Out]
) -> Iterator[Problem]:
    """Objects of a remote that are wrong, or lost; what was never pushed is noted."""
    items = [item for item in needed.items if sends(item.out)]
    present = place.present(item.oid for item in items)
    yield from _remote_corrupt(check, place, _by_oid(item for item in items if item.oid in present))
    unsent: Counter[Out] = Counter()
    lost: dict[str, Item] = {}
    for out, own in _by_out(items).items():
        missing = [item for item in own if item.oid not in present]
        only_listing = len(own) > 1 and [item.oid for item in missing] == [out.oid]
        if out.folder and (out.oid in present or only_listing):
            lost = {item.oid: item for item in missing} | lost
        elif missing:
            unsent[out] += len(missing)
    for item in lost.values():
        yield check.problem("lost", place.name, place.shown(item.oid), item, f"md5 {item.md5}", "nothing")
    _note_unsent(check, place, unsent, working)


def _remote_corrupt(check: _Check, place: Place, by_oid: Mapping[str, list[Item]]) -> Iterator[Problem]:
    hashed = side_by_side(_readable(place), by_oid, remote=not place.local)
    for (oid, needs), found in zip(by_oid.items(), hashed, strict=True):
        if isinstance(found, GristmillError):
            yield check.problem("corrupt", place.name, place.shown(oid), needs[0], f"md5 {needs[0].md5}", str(found))
        else:
            check.count(found)
            yield from _wrong(check, place.name, place.shown(oid), needs, found)


def _readable(place: Place) -> Callable[[str], Bytes | GristmillError | None]:
    """Bytes of an object, or why they cannot be read."""

    def read(oid: str) -> Bytes | GristmillError | None:
        try:
            return place.bytes_of(oid)
        except GristmillError as error:
            return error

    return read


def _note_unsent(check: _Check, place: Place, unsent: Mapping[Out, int], working: set[Out]) -> None:
    for out, count in unsent.items():
        if out in working:
            check.notices.append(
                f"{out.path} ({out.stage}): {named(count, 'object')} not pushed to {place.name}; "
                f"`dvc push -r {place.name} {out.path}`"
            )
    earlier = sum(out not in working for out in unsent)
    if earlier:
        check.notices.append(f"{named(earlier, 'output')} of other commits not pushed to {place.name}")


def _note_absent(check: _Check, working: Sequence[Out], needed: Inventory, cache: Place) -> None:
    """What is not here: never pulled, or never built; or only data/ has it."""
    here = cache.present(item.oid for item in needed.items)
    missing = [item for item in needed.items if item.oid not in here]
    only_data = Counter(item.out for item in missing if item.out in working and _is_in_data(check, item))
    absent = Counter(item.out for item in missing)
    for out in working:
        name, count, only = f"{out.path} ({out.stage})", absent[out] - only_data[out], only_data[out]
        if out in needed.unknown:
            check.notices.append(f"{name} is not here; `dvc pull {out.path}`")
        elif count:
            check.notices.append(f"{name}: {named(count, 'object')} not here; `dvc fetch {out.path}`")
        if only:
            check.notices.append(f"{name}: {named(only, 'object')} not in DVC's cache; `dvc commit -f {out.path}`")
    earlier = len((set(needed.unknown) | set(absent)) - set(working))
    if earlier:
        check.notices.append(f"{named(earlier, 'output')} of other commits not, or not wholly, in DVC's cache")


def _is_in_data(check: _Check, item: Item) -> bool:
    found = check.copies.bytes_of(Path(item.file))
    return found is not None and item.is_right(found)


def _loose(folder: Path, items: Iterable[Item]) -> list[Item]:
    """Objects of the cache that no version names: DVC may restore them from its run cache."""
    named_ = {item.oid for item in items}
    found = (f"{path.parent.name}{path.name}" for path in sorted(folder.glob("??/*")) if path.is_file())
    oids = [oid for oid in found if oid not in named_ and re.fullmatch(r"[0-9a-f]{32}(\.dir)?", oid)]
    return [Item(oid=oid, out=Out(stage="", path="", oid=oid), file="") for oid in oids]


def _by_oid(items: Iterable[Item]) -> dict[str, list[Item]]:
    found: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.oid].append(item)
    return found


def _by_out(items: Iterable[Item]) -> dict[Out, list[Item]]:
    found: defaultdict[Out, list[Item]] = defaultdict(list)
    for item in items:
        found[item.out].append(item)
    return found
