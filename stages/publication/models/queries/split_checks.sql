-- Texts of other splits that repeat something of a test text, in tasks of the test documents, and what is left of them
SELECT task, split, measure, "found", "left"
FROM split_checks
WHERE
    other_split = 'test'
    AND task IN (SELECT task FROM labels SEMI JOIN memory.tested USING (id))
ORDER BY task, split, measure
