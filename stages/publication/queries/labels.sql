-- Labels of published documents, by task and kind, with what speaks for their quality
SELECT
    labels.task, kind, count(*) AS labels, count(*) FILTER (labels.split = 'train') AS train,
    count(*) FILTER (labels.split = 'validation') AS validation, count(*) FILTER (labels.split = 'test') AS test,
    string_agg(DISTINCT method, ', ' ORDER BY method) AS method, any_value(alpha) AS alpha, any_value(fit) AS fit
FROM labels SEMI JOIN memory.published USING (id) LEFT JOIN tasks USING (task)
WHERE labels.drop_reason IS NULL
GROUP BY labels.task, kind
ORDER BY labels.task
