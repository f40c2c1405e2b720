-- Models of this project that read published documents
SELECT run, count(*) AS documents
FROM exposure SEMI JOIN memory.published USING (id)
GROUP BY run
ORDER BY run
