-- What became of each document on its way into the corpus: kept, or dropped or quarantined by a stage, and why
SELECT id, outcome, stage, reason, cluster, split FROM judged_documents
