-- The documents of the corpus: kept by crawl, clean and dedup, with their cluster and split
WITH lost AS (
    SELECT id FROM outcomes WHERE outcome <> 'kept'
)
SELECT documents.*, cluster, split
FROM documents ANTI JOIN lost USING (id) LEFT JOIN splits USING (id)
