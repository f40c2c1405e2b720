-- What was captured of each document: its bytes by digest, and what the source said of them
SELECT id, uri, source, licence, status, mime, charset, body_digest, body_bytes, published_at, given_label
FROM judged_documents
