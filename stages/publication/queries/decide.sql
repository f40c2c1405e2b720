-- Each kept document: its split, and the first reason for which it is not passed on
WITH labelled AS (
    SELECT DISTINCT id FROM labels WHERE task = $task AND drop_reason IS NULL
),
opted_out AS (
    SELECT DISTINCT id, 'opted_out' AS refused FROM rights WHERE refuses
),
stated AS (
    -- what a page itself says of its licence, where that is understood and forbids
    SELECT id, min(terms.reason) AS forbidden
    FROM rights JOIN memory.terms ON rights.value = terms.licence
    WHERE signal = 'licence' AND terms.reason <> 'licence_unknown' GROUP BY id
),
judged AS (
    SELECT
        kept.id, kept.split,
        (len($splits) = 0 OR list_contains($splits, kept.split))
        AND (len($languages) = 0 OR list_contains($languages, kept.language))
        AND (len($sources) = 0 OR list_contains($sources, kept.source))
        AND ($where = '' OR matching.id IS NOT NULL) AS asked_for,
        $task = '' OR labelled.id IS NOT NULL AS has_label,
        list_filter([refused, forbidden, terms.reason], lambda why: why IS NOT NULL AND NOT list_contains($allow, why))
            AS refusals
    FROM kept_documents AS kept
    LEFT JOIN memory.matching USING (id)
    LEFT JOIN labelled USING (id)
    LEFT JOIN opted_out USING (id)
    LEFT JOIN stated USING (id)
    LEFT JOIN memory.terms ON terms.licence = kept.licence
)
SELECT id, split, CASE
    WHEN NOT asked_for THEN 'not_asked_for' WHEN NOT has_label THEN 'no_label' ELSE refusals[1]
END AS reason
FROM judged
