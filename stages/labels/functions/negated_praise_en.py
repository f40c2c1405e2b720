"""Votes negative for English texts that deny praise: "not good", "isn't very funny", "never impressive"."""

import pyarrow as pa

from stages.labels.functions import labelling_function
from stages.labels.phrases import either, label_where, matches

PRAISE = either(
    ("good", "great", "fun", "funny", "interesting", "enough", "like", "enjoy", "work", "worth", "recommend",
     "impressive", "original", "convincing", "easy", "happy", "compelling", "engaging")
)  # fmt: skip
DENIED = r"(?:n't|\b(?:not|never|hardly|neither))\s+(?:\w+\s+){0,2}" + PRAISE


@labelling_function
def negated_praise_en(texts: pa.Array) -> pa.Array:
    """negative, or null."""
    return label_where(matches(texts, DENIED), "negative")
