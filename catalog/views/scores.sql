-- Each measured number over its seeds: lowest, mean and highest
WITH numbers AS (
    SELECT regexp_replace(run, '(^|/)seed[-_]?[0-9]+', '', 'g') AS system, metric, value FROM metrics
)
SELECT
    ltrim(system, '/') AS system, metric, count(*) AS runs,
    min(value) AS lowest, avg(value) AS mean, max(value) AS highest
FROM numbers
GROUP BY ALL
ORDER BY system, metric
