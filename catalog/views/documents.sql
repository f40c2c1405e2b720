-- The documents: what was captured, and what is known of its text
SELECT * EXCLUDE (outcome, stage, reason, cluster, split) FROM judged_documents
