-- Documents, near-duplicate clusters, augmented children and tokens of each split
-- documents: documents in the split
-- clusters: near-duplicate clusters in it
-- children: augmented copies in it
-- tokens: tokens of its documents
WITH sizes AS (
    SELECT split, count(*) AS documents, count(DISTINCT cluster) AS clusters FROM splits GROUP BY split
),
made AS (
    SELECT split, count(*) AS children FROM children GROUP BY split
),
encoded AS (
    SELECT split, sum(tokens)::BIGINT AS tokens FROM tokens GROUP BY split
)
SELECT split, documents, clusters, coalesce(children, 0) AS children, coalesce(tokens, 0) AS tokens
FROM sizes LEFT JOIN made USING (split) LEFT JOIN encoded USING (split)
ORDER BY documents DESC, split
