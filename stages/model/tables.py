"""Tables of the model stages, in the terms of catalog/schema."""

import pyarrow as pa

from catalog.schema import DROP_REASON, ID, SPLIT, column, table

VOCABULARY = table(column("tokenizer", pa.string(), "tokenizer.json of the `tokenizers` library; one row"))
TOKENS = table(ID, SPLIT, column("ids", pa.list_(pa.int32()), "token ids of the document, without separators"))
VERDICTS = table(ID, DROP_REASON)
PREDICTIONS = table(
    column("run", pa.string(), "majority, tfidf, or scratch or pretrained with its seed"),
    ID,
    column("label", pa.string(), "the right class"),
    column("predicted", pa.string(), "class predicted"),
    column("correct", pa.bool_(), "is predicted the right class?"),
)
LEAKY = table(
    ID,
    column("label", pa.string(), "class given by the source"),
    column("predicted", pa.string(), "class predicted by the model that saw the raw training rows"),
    column("in_train", pa.bool_(), "does the same text stand in the training rows?"),
)
