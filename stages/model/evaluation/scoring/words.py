"""Words, as measures of produced text count them.

`bleu_words` are those of sacrebleu's tokenizer 13a (mteval-v13a), and of its tokenizer zh where a text has Chinese
characters, each of which is a word. `plain_words` have neither case nor punctuation (ROUGE; SQuAD's F1).
"""

from __future__ import annotations

import re

_HAN = re.compile(r"([\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffee])")
_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_CUTS = (
    (re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])"), r" \1 "),
    (re.compile(r"([^0-9])([\.,])"), r"\1 \2 "),
    (re.compile(r"([\.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_RUN = re.compile(
    r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)


def bleu_words(text: str) -> list[str]:
    """The words of a text for BLEU."""
    line = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in _ENTITIES:
        line = line.replace(entity, character)
    line = _HAN.sub(r" \1 ", f" {line} ")
    for pattern, cut in _CUTS:
        line = pattern.sub(cut, line)
    return line.split()


def plain_words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; each Chinese or Japanese character is one."""
    return _RUN.findall(text.casefold())
