"""What the page says, in English and in Chinese."""

# key: (English, Chinese)
WORDS: dict[str, tuple[str, str]] = {
    "try": ("Try it", "试用"),
    "text": ("Text", "文本"),
    "about": ("Second text, or question", "第二段文本或问题"),
    "spans": ("Spans of the text, as characters", "文本中的片段（字符位置）"),
    "ask": ("Ask", "提交"),
    "answer": ("Answer", "结果"),
    "label": ("Label", "标签"),
    "probability": ("Probability", "概率"),
    "logit": ("Score before the softmax", "softmax 前的分数"),
    "none": ("nothing found", "未找到"),
    "refused": ("This was not answered", "未能回答"),
    "served": ("What is served", "当前模型"),
    "program": ("From a program", "通过程序调用"),
}
