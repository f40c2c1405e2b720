"""Splits that sources bring along: the documents of a published test set, and what nearly repeats them, stay test.

Reads   clean/text and dedup/verdicts of the sources named under `label.split.given`
Writes  given_splits, in `label` and in `tokenize`: cluster and split
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from catalog.incremental.operators import Operator
from catalog.incremental.stage import Stage
from catalog.schema import SPLITS as ROWS
from catalog.segments import Segment
from stages.labels.documents import Readable, documents_of, holding
from stages.labels.splits import SPLITS, TRAIN, SplitParams, split_of

GIVEN = pa.schema([ROWS.field("cluster"), ROWS.field("split")])


def given_splits(
    texts: Sequence[Readable], clusters: Sequence[Readable], *, params: SplitParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Each cluster with a document of a source in `params.given`, kept or dropped, and its split, in order of clusters.

    Where documents of a cluster disagree, test comes before validation and validation before train.
    """
    documents = documents_of(texts, clusters).select(["source", "cluster"])
    best: dict[str, str] = {}
    for source in sorted(params.given):
        mine = pc.unique(documents.filter(pc.equal(documents["source"], source))["cluster"])
        how = params.given[source]
        splits = [how] * len(mine) if isinstance(how, str) else split_of(mine, params.of_source(source)).to_pylist()
        for cluster, split in zip(mine.to_pylist(), splits, strict=True):
            best[cluster] = min(split, best.get(cluster, TRAIN), key=SPLITS.index)
    ordered = sorted(best)
    yield "given_splits", "all", pa.table({"cluster": ordered, "split": [best[cluster] for cluster in ordered]}, GIVEN)


GIVEN_SPLITS = Operator(name="given_splits", run=given_splits, params=SplitParams, writes={"given_splits": GIVEN})


def decided_by_sources(stage: Stage, texts: list[Segment], clusters: list[Segment], params: SplitParams) -> Segment:
    """The one segment of `given_splits`, without rows where no source brings splits along."""
    held = holding(texts, list(params.given)) if params.given else []
    keys = {segment.key for segment in held}
    among = [segment for segment in clusters if segment.key in keys]
    return stage.reduce(GIVEN_SPLITS, held, among, params=params)["given_splits"][0]
