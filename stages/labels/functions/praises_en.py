"""Votes positive for English texts with a word of praise and no negation or contrast."""

import pyarrow as pa
import pyarrow.compute as pc

from stages.labels.functions import labelling_function
from stages.labels.phrases import either, label_where, matches

PRAISE = either(
    ("good", "great", "excellent", "best", "love", "loved", "lovely", "wonderful", "amazing", "awesome", "perfect",
     "beautiful", "brilliant", "delightful", "enjoy", "enjoyable", "enjoyed", "fun", "funny", "happy", "charming",
     "thanks", "thank", "yay", "impressive", "recommend", "powerful", "easy", "superb", "glad", "fantastic")
)  # fmt: skip
SPOILS = r"n't\b|" + either(("not", "no", "never", "but", "hardly", "without", "lacks", "too", "worst", "bad"))


@labelling_function
def praises_en(texts: pa.Array) -> pa.Array:
    """positive, or null."""
    return label_where(pc.and_not(matches(texts, PRAISE), matches(texts, SPOILS)), "positive")
