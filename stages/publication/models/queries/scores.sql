-- What a run scores on the whole test split, beside the mean of its system and simpler systems
SELECT run, metric, "value", low, high, units
FROM metrics
WHERE
    slice = 'all'
    AND (SELECT run FROM memory.asked) IN (SELECT run FROM metrics)
    AND run IN (SELECT unnest([asked.run, asked.system, 'tfidf', 'majority', 'copied']) FROM memory.asked)
ORDER BY run <> (SELECT run FROM memory.asked), run, metric
