"""How a column and a table are declared, and the columns that many tables share."""

from __future__ import annotations

import pyarrow as pa


def column(name: str, kind: pa.DataType, unit: str, *, null: bool = False) -> pa.Field:
    """One column; `unit` says what a value means and in which unit."""
    return pa.field(name, kind, nullable=null, metadata={"unit": unit})


def table(*columns: pa.Field) -> pa.Schema:
    """One table; a column name may stand in it once."""
    names = [field.name for field in columns]
    if len(set(names)) != len(names):
        raise ValueError(f"a column stands twice in {names}")
    return pa.schema(columns)


TEXT, INT, LONG, SHORT, BYTE = pa.string(), pa.int32(), pa.int64(), pa.int16(), pa.int8()

ID = column("id", TEXT, "document: first 32 hex digits of sha256 of its uri")
DROP_REASON = column("drop_reason", TEXT, "first rule that dropped the document; null = kept", null=True)
TEXT_DIGEST = column("text_digest", TEXT, "sha256 of the UTF-8 text, hex")
CLUSTER = column("cluster", TEXT, "near-duplicate cluster: smallest text digest in it, hex")
SPLIT = column("split", TEXT, "train, validation or test; a function of the cluster")
TASK = column("task", TEXT, "name of the labelling task in params.yaml")
ABOUT = column(
    "about",
    TEXT,
    "the second text that it is about: the other text of a pair, or the question; null in tasks of one text",
    null=True,
)

RIGHT = pa.struct([pa.field(name, TEXT, nullable=False) for name in ("signal", "value", "where")])
