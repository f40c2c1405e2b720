-- Near-duplicate clusters of two documents or more, the largest first
WITH large AS (
    SELECT cluster, min(representative) AS representative, count(*) AS documents
    FROM clusters GROUP BY cluster HAVING count(*) > 1
),
spread AS (
    SELECT cluster, count(DISTINCT source) AS source_count
    FROM clusters SEMI JOIN large USING (cluster) JOIN documents USING (id) GROUP BY cluster
),
kept AS (
    SELECT id AS representative, uri AS representative_uri FROM documents
)
SELECT cluster, documents, source_count, representative_uri, representative
FROM large JOIN spread USING (cluster) JOIN kept USING (representative)
ORDER BY documents DESC, cluster
