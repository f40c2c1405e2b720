"""The kind `api`: an interface is asked once into the crawl log, and its documents are made of the log.

The HTTP client is imported by those alone who ask: a rebuild from the log needs none.
"""

from __future__ import annotations

from typing import Any

from catalog.digests import digest_of
from catalog.erasure.forget import is_forgotten
from catalog.errors import SourceError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action
from catalog.rehearsal.rehearsal import in_rehearsal
from stages.sources.api.log import answers, is_asked
from stages.sources.api.replay import ApiReading, replay_api
from stages.sources.captures import WRITES
from stages.sources.kinds import Asking, Kind, Run
from stages.sources.settings.api import ApiSource, api_digest
from stages.sources.settings.site import utc_now


def api_actions(source: ApiSource, run: Run) -> list[Action]:
    """The documents of an interface by its answers; it is asked first where no run with its settings came to a halt.

    One on a forgotten host has none. Errors: SourceError where the corpus is built for a time before which it was not
    asked.
    """
    if is_forgotten(source.base, run.tombstones.ids):
        return []
    if not is_asked(_rows(source, run)) and not (run.as_of and run.as_of < utc_now()):
        if in_rehearsal():
            return [Action(name=source.name, inputs={"crawl": f"{api_digest(source)} is not in the log"})]
        ask_api(source, Asking(log=run.log, tombstones=run.tombstones))
    if run.tombstones.ids and not in_rehearsal():
        from stages.sources.api.forget import forget_records

        forget_records(source, run.log, run.tombstones.ids)
    rows = [row for row in _rows(source, run) if run.as_of is None or row["fetched_at"] <= run.as_of]
    if not is_asked(rows):
        raise SourceError(
            f"source {source.name}: no run with its settings had ended by as_of {run.as_of}; "
            "set `as_of` to a later time in params.yaml, or remove it, then `dvc repro crawl`"
        )
    found = answers(rows)
    inputs = {"answers": digest_of(found.versions), "failed": digest_of(dict(found.failed))}
    params = ApiReading(name=source.name, licence=source.licence, records=source.records)
    return [Action(name=source.name, inputs=inputs, args=(found, run.log.files("pages")), params=params)]


def _rows(source: ApiSource, run: Run) -> list[dict[str, Any]]:
    return [row for row in run.log.fetches(source.name) if row["crawl"] == api_digest(source)]


def ask_api(source: ApiSource, asking: Asking) -> None:
    """Ask an interface from where its list stands; `due` asks too, since a list that is whole costs little."""
    from stages.sources.api.client import record_api

    if is_forgotten(source.base, asking.tombstones.ids):
        raise SourceError(f"source {source.name}: the host of {source.base} was forgotten; remove the source")

    record_api(source, asking.log, asking.tombstones.ids)


API = Kind(
    record=ApiSource,
    operator=Operator(name="api", run=replay_api, writes=WRITES, libraries=("lxml",)),
    actions=api_actions,
    ask=ask_api,
)
