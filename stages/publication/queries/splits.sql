-- Size of each split
SELECT
    published.split, count(*) AS documents, count(DISTINCT cluster) AS clusters,
    coalesce(sum(characters), 0)::BIGINT AS characters, coalesce(sum(tokens), 0)::BIGINT AS tokens
FROM memory.published JOIN documents USING (id) LEFT JOIN splits USING (id) LEFT JOIN tokens USING (id)
GROUP BY published.split
ORDER BY list_position(['train', 'validation', 'test'], published.split)
