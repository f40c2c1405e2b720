-- Who labelled: people, raters, sources and functions, without their names
SELECT
    task, regexp_extract(annotator, '^(person|given|rater|function)') AS who,
    count(DISTINCT annotator) AS annotators, count(*) AS votes
FROM votes SEMI JOIN memory.published USING (id)
GROUP BY task, who
ORDER BY task, who
