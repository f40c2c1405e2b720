"""dedup: find documents that say the same, and keep one of each.

Reads   clean/text, clean/verdicts; crawl/captures (addresses, times) and clean/signals where parameters ask for them.
Writes  dedup/signatures (stages/text/signing.py), dedup/addresses and dedup/folded where asked for, and dedup/verdicts
        (stages/duplicates/clustering.py), one row per document that `clean` kept: its cluster, the document kept for
        it, the similarity to that one, and the level that dropped it.
Sources MinHash LSH: Broder 1997; Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, ch. 3;
        numbers: stages/duplicates/presets.py.
"""

from __future__ import annotations

from dataclasses import replace

from catalog.errors import exit_on_error
from catalog.operators import Memo, Operator
from catalog.schema import schema_of
from catalog.segments import Segment
from catalog.stage import Stage
from stages.duplicates.addresses import ADDRESSES, locate
from stages.duplicates.clustering import cluster
from stages.duplicates.folding import FOLDED, fold
from stages.duplicates.params import NORMALISED, URL, DedupParams
from stages.text.shingling import Shingling
from stages.text.signing import SIGNATURES, sign

SIGN = Operator(
    name="sign", run=sign, writes={"signatures": SIGNATURES}, accounts=("signatures",),
    memo=Memo(by=("id", "source", "text_digest")),
)  # fmt: skip
LOCATE = Operator(
    name="locate", run=locate, reads=(("id", "uri", "published_at"),), writes={"addresses": ADDRESSES},
    accounts=("addresses",), libraries=("ada-url",),
)  # fmt: skip
FOLD = Operator(name="fold", run=fold, reads=(("id", "text"),), writes={"folded": FOLDED}, accounts=("folded",))
CLUSTER = Operator(name="cluster", run=cluster, writes={"verdicts": schema_of("dedup/verdicts")})


def dedup(stage: Stage, given: DedupParams) -> None:
    """Sign every document, then cluster those that `clean` kept."""
    signing, clustering = given.signing(), given.clustering()
    texts = stage.read("clean/text")
    signatures = stage.map(_declared(SIGN, signing.shingling), texts, params=signing)["signatures"]
    addresses: list[Segment] = []
    folded: list[Segment] = []
    signals: list[Segment] = []
    if URL in clustering.levels or "oldest" in clustering.keep:
        addresses = stage.map(LOCATE, stage.read("crawl/captures"))["addresses"]
    if NORMALISED in clustering.levels:
        folded = stage.map(FOLD, texts)["folded"]
    if "quality" in clustering.keep:
        signals = stage.read("clean/signals")
    verdicts = stage.read("clean/verdicts")
    operator = _declared(CLUSTER, clustering.shingling)
    stage.reduce(operator, signatures, verdicts, texts, addresses, folded, signals, params=clustering)


def _declared(operator: Operator, shingling: Shingling) -> Operator:
    """The operator with the library that decides its shingles."""
    return replace(operator, libraries=("tokenizers",)) if shingling.unit == "tokens" else operator


def main() -> None:
    """See `dedup`."""
    with Stage("dedup", SIGN, LOCATE, FOLD, CLUSTER, params=[DedupParams]) as stage:
        dedup(stage, stage.params[DedupParams])


if __name__ == "__main__":
    exit_on_error(main)
