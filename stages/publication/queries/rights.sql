-- What sites say of the use of documents, in the whole corpus: every one captured, and what is published
SELECT
    signal, count(DISTINCT rights.id) AS documents, count(DISTINCT rights.id) FILTER (refuses) AS refusing,
    count(DISTINCT published.id) AS published
FROM rights LEFT JOIN memory.published USING (id)
GROUP BY signal
ORDER BY documents DESC, signal
