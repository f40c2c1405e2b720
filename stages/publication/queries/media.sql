-- What the documents were made from: media type and reader
SELECT mime, extractor, count(*) AS documents, sum(body_bytes)::BIGINT AS body_bytes
FROM memory.published JOIN documents USING (id)
GROUP BY mime, extractor
ORDER BY documents DESC, mime, extractor
