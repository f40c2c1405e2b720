-- The documents of the corpus: kept by crawl, clean and dedup, with their cluster and split
SELECT * EXCLUDE (outcome, stage, reason) FROM judged_documents WHERE outcome = 'kept'
