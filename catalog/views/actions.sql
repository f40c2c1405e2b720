-- Every action whose results are there: what made them, and the fingerprint of all that decided them
-- files: files that it wrote
-- rows: rows of these
-- bytes: size of these in bytes
SELECT
    stage, operator, action, fingerprint, count(*) AS files, sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes
FROM segments GROUP BY ALL
