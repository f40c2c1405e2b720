-- Why documents were dropped from the corpus, the commonest reasons first
SELECT stage, drop_reason, documents
FROM drop_reasons
WHERE stage IN ('crawl', 'clean', 'dedup')
ORDER BY documents DESC, stage, drop_reason
LIMIT 30
