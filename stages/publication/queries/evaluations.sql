-- Evaluation sets that the corpus was searched for, and documents that hold their text
SELECT evaluation, count(DISTINCT id) AS overlapping, count(DISTINCT id) FILTER (contaminated) AS contaminated
FROM "overlaps"
GROUP BY evaluation
ORDER BY evaluation
