"""rensa: texts -> MinHash signatures, by its fastest path, a batch of token sets at once.

Word 5-grams are made in Python, as its documentation does.
"""

from measured import cpu, report, texts
from rensa import RMinHash

rows = texts()
RMinHash.digest_matrix_from_token_sets([["warm"]], 112, 1)
start = cpu()
sets = []
for _, text in rows:
    words = text.lower().split()
    sets.append([" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))])
matrix = RMinHash.digest_matrix_from_token_sets(sets, 112, 1)
report("rensa", "word 5-grams, RMinHash.digest_matrix_from_token_sets, 112 permutations", cpu() - start, rows=len(rows))
