"""Random documents with many duplicates of every kind, and random choices of what to do about them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from stages.duplicates.params import LEVELS, ORDERS
from tests.stages.duplicates.duplicated import BASE, NEAR, OTHER, chain, document, variants

CHAIN = chain(12)
TEXTS = st.sampled_from(
    [
        *(BASE, NEAR, NEAR + " soon", "however " + BASE, BASE.upper() + "!", OTHER, OTHER + "!", *CHAIN, *variants(4)),
        *("", "short", "短评很好", "短评，很好！", "!!!", "???"),
    ]
)
URIS = ("http://a.test/1", "https://www.a.test/1/?utm_source=x", "https://a.test/2", "file:1", "file:2")
ROWS = st.builds(
    lambda text, more: document("", text) | more,
    TEXTS,
    st.fixed_dictionaries(
        {
            "uri": st.sampled_from(URIS),
            "source": st.sampled_from("abc"),
            "words": st.sampled_from([None, 1, 2]),
            "published_at": st.sampled_from([None, "2001-02-03", "Tue, 15 Nov 1994 08:12:31 GMT", "yesterday"]),
            "drop_reason": st.sampled_from([None, None, None, "bad"]),
        }
    ),
)
CHOICES = st.fixed_dictionaries(
    {
        "levels": st.sets(st.sampled_from(LEVELS)).map(lambda names: tuple(one for one in LEVELS if one in names)),
        "keep": st.lists(st.sampled_from(ORDERS), unique=True).map(tuple),
        "min_representative_similarity": st.sampled_from([0.0, 0.3, 0.6]),
    }
)
ALL_PAIRS: dict[str, Any] = {
    "bands": 112, "rows_per_band": 1, "min_jaccard": 0.6, "source_priority": ("b", "a"), "quality": "words",
}  # fmt: skip
