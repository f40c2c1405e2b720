"""Tables of the model stages, in the terms of catalog/schema."""

import pyarrow as pa

from catalog.schema import CATALOG, DOCUMENTS, DROP_REASON, ID, LABELS, SPLIT, column, table

VOCABULARY = table(column("tokenizer", pa.string(), "tokenizer.json of the `tokenizers` library; one row"))
TOKENS = table(ID, SPLIT, column("ids", pa.list_(pa.int32()), "token ids of the document, without separators"))
VERDICTS = table(ID, DROP_REASON)
UNITS = table(
    ID,
    LABELS.field("about"),
    SPLIT,
    *(DOCUMENTS.field(name) for name in ("source", "language", "text")),
    column("label", pa.string(), "as in label/labels; the text to produce in generation tasks"),
)
PREDICTIONS = table(
    *CATALOG["predictions"],
    column("text", pa.string(), "the text that was produced; null where a label was predicted", null=True),
)
CONTAMINATION = table(
    ID,
    LABELS.field("about"),
    column("runs", pa.int32(), "runs of 13 tokens of the text"),
    column("shared", pa.int32(), "of these, runs that stand in what the network was pretrained on"),
)
LIKELIHOOD = table(
    ID,
    column("measure", pa.string(), "bits_per_byte of a causal network, bits_per_masked_byte of a masked one"),
    column("bits", pa.float64(), "bits that the right tokens cost, in all"),
    column("bytes", pa.int64(), "bytes of these tokens in UTF-8"),
)
LEAKY = table(
    ID,
    column("label", pa.string(), "class given by the source"),
    column("predicted", pa.string(), "class predicted by the model that saw the raw training rows"),
    column("in_train", pa.bool_(), "does the same text stand in the training rows?"),
)
