-- Size of each host that was crawled or stands in a web archive
SELECT
    regexp_extract(uri, '^https?://([^/?#]+)', 1) AS host, count(*) AS documents,
    coalesce(sum(characters), 0)::BIGINT AS characters
FROM memory.published JOIN documents USING (id)
WHERE status IS NOT NULL AND uri LIKE 'http%'
GROUP BY host
ORDER BY host
