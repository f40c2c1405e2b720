-- Documents, characters, bytes as captured, and tokens of what is published
SELECT
    count(*) AS documents, coalesce(sum(characters), 0)::BIGINT AS characters,
    coalesce(sum(body_bytes), 0)::BIGINT AS body_bytes,
    (SELECT coalesce(sum(tokens), 0)::BIGINT FROM tokens SEMI JOIN memory.published USING (id)) AS tokens,
    coalesce(sum(redactions), 0)::BIGINT AS redactions, coalesce(sum(repairs), 0)::BIGINT AS repairs,
    count(title) AS with_title, count(author) AS with_author, count(published) AS with_date,
    min(published[:10]) AS first_published, max(published[:10]) AS last_published
FROM memory.published JOIN documents USING (id)
