-- Share of each class of the tasks with few classes
WITH counted AS (
    SELECT task, label, count(*) AS labels
    FROM labels SEMI JOIN memory.published USING (id)
    WHERE drop_reason IS NULL AND label IS NOT NULL GROUP BY task, label
)
FROM counted
QUALIFY count(*) OVER (PARTITION BY task) <= 50
ORDER BY task, labels DESC, label
