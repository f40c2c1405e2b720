-- Each number over the seeds of a system, by slice: lowest, mean and highest
-- runs: seeds
-- lowest: lowest value over the seeds
-- mean: mean over the seeds
-- highest: highest value over the seeds
SELECT system, slice, metric, count(*) AS runs, min(value) AS lowest, avg(value) AS mean, max(value) AS highest
FROM metrics
WHERE seed IS NOT NULL OR system NOT IN (SELECT system FROM metrics WHERE seed IS NOT NULL)
GROUP BY ALL
ORDER BY system, slice, metric
