-- Size of each language
SELECT
    language, count(*) AS documents, coalesce(sum(characters), 0)::BIGINT AS characters,
    coalesce(sum(tokens), 0)::BIGINT AS tokens
FROM memory.published JOIN documents USING (id) LEFT JOIN tokens USING (id)
GROUP BY language
ORDER BY documents DESC, language
