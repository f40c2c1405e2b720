"""dedup: find documents that say the same, and keep one of each.

Reads   clean/text, clean/verdicts.
Writes  dedup/signatures (stages/text/signing.py) and dedup/verdicts, one row per document that `clean` kept:
        its cluster, the document kept for it, the similarity to that one, and why it was dropped.
Sources MinHash LSH: Broder 1997; Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, ch. 3;
        numbers: FineWeb.
"""

from __future__ import annotations

from catalog.errors import exit_on_error
from catalog.operators import Memo, Operator
from catalog.schema import schema_of
from catalog.stage import Stage
from stages.duplicates.clustering import ClusterParams, cluster
from stages.text.signing import SIGNATURES, SignParams, sign

SIGN = Operator(
    name="sign", run=sign, params=SignParams, writes={"signatures": SIGNATURES}, accounts=("signatures",),
    memo=Memo(by=("id", "source", "text_digest")),
)  # fmt: skip
CLUSTER = Operator(name="cluster", run=cluster, params=ClusterParams, writes={"verdicts": schema_of("dedup/verdicts")})


def main() -> None:
    """Sign every document, then cluster those that `clean` kept."""
    with Stage("dedup", SIGN, CLUSTER) as stage:
        texts = stage.read("clean/text")
        signatures = stage.map(SIGN, texts)["signatures"]
        stage.reduce(CLUSTER, signatures, stage.read("clean/verdicts"), texts)


if __name__ == "__main__":
    exit_on_error(main)
