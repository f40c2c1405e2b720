-- Rows in = kept + dropped + quarantined, per stage; rows in are counted in the stage before, not in this one
-- rows_in: documents that the stage was given, counted in the stage before
-- kept: of these, kept
-- dropped: of these, dropped by a rule
-- quarantined: of these, that could not be processed
WITH all_verdicts AS (
    SELECT stage, drop_reason FROM verdicts
    UNION ALL
    SELECT 'augment' AS stage, drop_reason FROM child_verdicts
),
judged AS (
    SELECT stage, count(*) - count(drop_reason) AS kept, count(drop_reason) AS dropped FROM all_verdicts GROUP BY stage
),
refused AS (
    SELECT stage, count(*) AS quarantined FROM quarantine GROUP BY stage
),
produced AS (
    SELECT 'crawl' AS stage, count(*) + (SELECT count(*) FROM quarantine WHERE stage = 'crawl') AS rows_in FROM documents
    UNION ALL
    SELECT stage, sum(rows)::BIGINT AS rows_in
    FROM segments WHERE stage = 'augment' AND table_name = 'compared' GROUP BY stage
    UNION ALL
    SELECT stages.stage, judged.kept AS rows_in FROM stages JOIN judged ON judged.stage = stages.upstream
),
built AS (
    SELECT DISTINCT stage FROM segments
)
SELECT
    stage, rows_in, coalesce(kept, 0) AS kept, coalesce(dropped, 0) AS dropped, coalesce(quarantined, 0) AS quarantined
FROM produced
SEMI JOIN built USING (stage)
JOIN stages USING (stage)
LEFT JOIN judged USING (stage)
LEFT JOIN refused USING (stage)
ORDER BY position
