"""Votes positive for Chinese texts that praise with emphasis and hold no common complaint."""

import pyarrow as pa
import pyarrow.compute as pc

from stages.labels.functions import labelling_function
from stages.labels.phrases import label_where, matches, mentions

PRAISE = "(?:非常|很|真|特别|挺|超|十分|相当)(?:的)?(?:好|棒|喜欢|满意|舒服|方便|漂亮|精彩|实用|干净|热情|感人|值)"
RECOMMENDS = ("强烈推荐", "值得一看", "值得一读", "值得推荐", "性价比高", "爱不释手", "物超所值", "受益匪浅")
SPOILS = ("不", "没", "但", "差", "失望", "可惜", "如果", "除了")


@labelling_function
def exclaims_praise_zh(texts: pa.Array) -> pa.Array:
    """positive, or null."""
    praises = pc.or_(matches(texts, PRAISE), mentions(texts, RECOMMENDS))
    return label_where(pc.and_not(praises, mentions(texts, SPOILS)), "positive")
