-- Size of each source, how it was gathered, and under which licence
WITH asked AS (
    SELECT DISTINCT source FROM fetches
)
SELECT
    source,
    CASE
        WHEN bool_or(status IS NOT NULL) AND source IN (FROM asked) THEN 'crawled'
        WHEN bool_or(status IS NOT NULL) THEN 'web archive'
        WHEN bool_and(uri LIKE 'file:%') THEN 'files'
        ELSE 'published data set'
    END AS gathered,
    min(licence) AS licence, count(*) AS documents, coalesce(sum(characters), 0)::BIGINT AS characters,
    min(regexp_extract(uri, '^[a-z0-9+.-]+:(//[^/?#]+|[^/?#]+)')) AS where_from
FROM memory.published JOIN documents USING (id)
GROUP BY source
ORDER BY documents DESC, source
