"""data-juicer: its filters of text whose statistics are signals here too, all of them on every text.

The second argument names the JSONL file to write: {"id", <statistic>: value, …}. Its operators are called a batch of
texts at a time, with the context in which two of them share words, and without its engine, which would only add to it.
"""

import json
import sys

from data_juicer.ops.filter.alphanumeric_filter import AlphanumericFilter
from data_juicer.ops.filter.character_repetition_filter import CharacterRepetitionFilter
from data_juicer.ops.filter.text_length_filter import TextLengthFilter
from data_juicer.ops.filter.word_repetition_filter import WordRepetitionFilter
from data_juicer.ops.filter.words_num_filter import WordsNumFilter
from data_juicer.utils.constant import Fields
from measured import cpu, report, texts

BATCH = 1000  # texts, its default
OPERATORS = [TextLengthFilter(), AlphanumericFilter(), CharacterRepetitionFilter()]
SHARING = [WordsNumFilter(), WordRepetitionFilter()]  # one splits at spaces, both use it


def statistics(batch):
    """What its operators measure of each text of a batch; each decides on the text as well."""
    samples = {"text": batch, Fields.stats: [{} for _ in batch], Fields.context: [{} for _ in batch]}
    for operator in OPERATORS:
        samples = operator.compute_stats_batched(samples)
    for operator in SHARING:
        samples = operator.compute_stats_batched(samples, context=True)
    for operator in OPERATORS + SHARING:
        list(operator.process_batched(samples))
    return samples[Fields.stats]


rows = texts()
statistics(["warm up " * 60])
start = cpu()
found = []
for first in range(0, len(rows), BATCH):
    found += statistics([text for _, text in rows[first : first + BATCH]])
seconds = cpu() - start
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for (name, _), row in zip(rows, found, strict=True):
        out.write(json.dumps({"id": name, **row}) + "\n")
what = "filters text_length, alphanumeric, character_repetition, words_num, word_repetition; words between spaces"
report("py-data-juicer", what, seconds, rows=len(rows))
