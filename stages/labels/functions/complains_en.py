"""Votes negative for English texts with the words of a complaint and no negation of them."""

import pyarrow as pa
import pyarrow.compute as pc

from stages.labels.functions import labelling_function
from stages.labels.phrases import either, label_where, matches

COMPLAINTS = either(
    ("bad", "worst", "awful", "terrible", "horrible", "boring", "dull", "poor", "poorly", "waste", "hate", "hated",
     "sad", "sucks", "annoying", "disappointing", "disappointed", "disappointment", "problem", "problems", "fail",
     "fails", "failed", "ugly", "stupid", "broken", "useless", "mess", "tedious", "predictable", "war", "killed",
     "death", "crime", "sick", "pain", "unfortunately")
)  # fmt: skip
NEGATED = r"(?:n't|\b(?:not|no|never|without))\s+(?:\w+\s+)?" + COMPLAINTS


@labelling_function
def complains_en(texts: pa.Array) -> pa.Array:
    """negative, or null."""
    return label_where(pc.and_not(matches(texts, COMPLAINTS), matches(texts, NEGATED)), "negative")
