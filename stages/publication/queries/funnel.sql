-- What became of every document of the corpus, by stage
SELECT stage, rows_in, kept, dropped, quarantined
FROM conservation JOIN stages USING (stage)
WHERE stage IN ('crawl', 'clean', 'dedup')
ORDER BY position
