"""Votes negative for Chinese texts with the words of a complaint."""

import pyarrow as pa

from stages.labels.functions import labelling_function
from stages.labels.phrases import label_where, mentions

COMPLAINTS = (
    "失望", "退货", "后悔", "垃圾", "糟糕", "上当", "投诉", "太差", "很差", "极差", "差劲", "恶劣", "骗人",
    "不值", "不推荐", "不会再", "浪费", "难看", "无聊", "质量问题", "死机", "坏了", "没意思", "受不了",
)  # fmt: skip


@labelling_function
def complains_zh(texts: pa.Array) -> pa.Array:
    """negative, or null."""
    return label_where(mentions(texts, COMPLAINTS), "negative")
