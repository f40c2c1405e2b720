-- Test documents of a run, those that it has read, and those with a near-duplicate that it has read
WITH read_clusters AS (
    SELECT DISTINCT cluster FROM clusters SEMI JOIN memory.published USING (id)
)
SELECT
    count(*) AS tested,
    count(*) FILTER (id IN (SELECT id FROM memory.published)) AS read,
    count(*) FILTER (id IN (SELECT id FROM clusters SEMI JOIN read_clusters USING (cluster))) AS near
FROM memory.tested
