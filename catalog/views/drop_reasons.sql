-- How many documents each stage dropped, by reason
-- drop_reason: rule that dropped them
-- documents: documents that broke it first
WITH drops AS (
    SELECT stage, drop_reason, count(*) AS documents FROM verdicts WHERE drop_reason IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT 'augment' AS stage, drop_reason, count(*) AS documents
    FROM child_verdicts WHERE drop_reason IS NOT NULL GROUP BY ALL
)
SELECT stage, drop_reason, documents
FROM drops JOIN stages USING (stage)
ORDER BY position, documents DESC, drop_reason
