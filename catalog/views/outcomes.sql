-- What became of each document on its way into the corpus: kept, or dropped or quarantined by a stage, and why
WITH losses AS (
    SELECT id, stage, 'dropped' AS outcome, drop_reason AS reason FROM verdicts WHERE drop_reason IS NOT NULL
    UNION ALL
    SELECT id, stage, 'quarantined' AS outcome, error AS reason FROM quarantine
),
corpus_losses AS (
    SELECT * FROM losses WHERE stage IN ('crawl', 'clean', 'dedup')
)
SELECT documents.id, coalesce(outcome, 'kept') AS outcome, stage, reason
FROM documents LEFT JOIN corpus_losses USING (id)
