"""data-juicer: its MinHash deduplicator from texts to the texts it keeps, 112 permutations, 14 bands of 8, 5-grams."""

from data_juicer.core.data import NestedDataset
from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from datasets import disable_caching
from measured import cpu, report, texts

disable_caching()
names, column = zip(*texts(), strict=True)
operator = DocumentMinhashDeduplicator(window_size=5, num_permutations=112, num_bands=14, num_rows_per_band=8)
dataset = NestedDataset.from_dict({"id": list(names), "text": list(column)})
start = cpu()
kept = operator.run(dataset)
report(
    "py-data-juicer", "document_minhash_deduplicator, words between spaces, 5-grams, 14 bands of 8 rows", cpu() - start,
    kept=len(kept),
)  # fmt: skip
