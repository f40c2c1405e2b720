-- Near-duplicate clusters of two documents or more, the largest first
-- documents: documents in it
-- representative_uri: address of the document kept for it
-- representative: id of the document kept for it
WITH shared AS (
    SELECT cluster, any_value(representative) AS representative, 1 + count(*) AS documents
    FROM clusters WHERE similarity IS NOT NULL GROUP BY cluster
)
SELECT shared.cluster, documents, uri AS representative_uri, representative
FROM shared JOIN judged_documents ON judged_documents.id = representative
ORDER BY documents DESC, shared.cluster
