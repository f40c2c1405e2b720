-- Texts that were made from others (augmentation), which are not part of an export
SELECT operator, count(*) AS texts
FROM children
GROUP BY operator
ORDER BY texts DESC, operator
