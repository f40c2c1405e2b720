"""The tokens of a run on disk: what the segments hold, in their order, of the chosen documents alone."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from catalog.parquet import write_parquet
from catalog.segments import Segment
from stages.model.training.corpus import listed, read_corpus, write_corpus
from stages.model.training.randomness import document_keys


def segment(path: Path, rows: pa.Table) -> Segment:
    """A file of rows as a segment."""
    write_parquet(rows, path)
    return Segment(
        stage="tokenize",
        path=path,
        table="tokens",
        key=path.name,
        rows=len(rows),
        bytes=0,
        sha256="",
        md5="",
        logical="",
    )


@pytest.mark.parametrize(("vocabulary", "kind"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_the_corpus_is_the_chosen_documents_of_the_training_split(project: Path, vocabulary: int, kind: type) -> None:
    """Two segments, another split between, chosen ones at both ends; ids and keys belong to their tokens."""
    rng = np.random.default_rng(0)
    tables = []
    for part in range(2):
        ids = [f"{part}-{number}" for number in range(40)]
        tokens = [rng.integers(4, vocabulary, rng.integers(1, 9)).tolist() for _ in ids]
        splits = ["train" if number % 3 else "test" for number in range(40)]
        tables.append(pa.table({"id": ids, "split": splits, "ids": pa.array(tokens, pa.list_(pa.int32()))}))
    segments = [segment(project / f"{place}.parquet", table) for place, table in enumerate(tables)]
    rows = [row for table in tables for row in table.to_pylist() if row["split"] == "train"]
    found = listed(segments)
    assert found.ids.to_pylist() == [row["id"] for row in rows]
    chosen = np.array([0, 5, 25, 26, 27, len(rows) - 1])
    write_corpus(segments, found, chosen, vocabulary, project / "corpus")
    corpus = read_corpus(project / "corpus")
    assert corpus.tokens.dtype == kind and isinstance(corpus.tokens, np.memmap)
    parts = [part.tolist() for part in np.split(np.asarray(corpus.tokens), corpus.offsets[1:-1])]
    assert parts == [rows[place]["ids"] for place in chosen]
    assert corpus.keys.tolist() == document_keys([rows[place]["id"] for place in chosen]).tolist()
