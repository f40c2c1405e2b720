-- Labelled documents and their augmented children, by task, split and label
-- documents: labelled documents
-- children: augmented copies made of them
WITH labelled AS (
    SELECT task, split, label, count(*) AS documents
    FROM labels WHERE drop_reason IS NULL GROUP BY ALL
),
made AS (
    SELECT task, split, label, count(*) AS children
    FROM children JOIN child_verdicts USING (id) WHERE drop_reason IS NULL GROUP BY ALL
)
SELECT task, split, label, documents, coalesce(children, 0) AS children
FROM labelled LEFT JOIN made USING (task, split, label)
ORDER BY task, split, label
