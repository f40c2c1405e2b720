"""data-juicer: its MinHash deduplicator from texts to the texts it keeps, 112 permutations, 14 bands of 8, 5-grams.

Its two steps are called as its `run` does, which would fetch and install torch first, to ask for a GPU.
"""

from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from datasets import Dataset, disable_caching, disable_progress_bars
from measured import cpu, report, texts

disable_caching()
disable_progress_bars()
names, column = zip(*texts(), strict=True)
operator = DocumentMinhashDeduplicator(window_size=5, num_permutations=112, num_bands=14, num_rows_per_band=8)
dataset = Dataset.from_dict({"id": list(names), "text": list(column)})
start = cpu()
kept, _ = operator.process(dataset.map(operator.compute_hash))
seconds = cpu() - start
what = "document_minhash_deduplicator, words between spaces, 5-grams, 14 bands of 8 rows"
report("py-data-juicer", what, seconds, kept=len(kept))
