-- What a run scores on parts of the test split
SELECT run, slice, metric, "value", low, high, units
FROM metrics
WHERE slice <> 'all' AND run = (SELECT run FROM memory.asked)
ORDER BY slice, metric
