-- Each source: its licence, what became of its documents, and its commonest languages
WITH fates AS (
    SELECT source, licence, language, outcome FROM documents JOIN outcomes USING (id)
),
ranked AS (
    SELECT source, language, count(*) AS documents FROM fates WHERE language IS NOT NULL GROUP BY source, language
    QUALIFY row_number() OVER (PARTITION BY source ORDER BY count(*) DESC, language) <= 5
),
spoken AS (
    SELECT source, string_agg(language || ' ' || documents, ', ' ORDER BY documents DESC, language) AS languages
    FROM ranked GROUP BY source
),
counted AS (
    SELECT
        source, min(licence) AS licence, count(*) AS documents,
        count(*) FILTER (outcome = 'kept') AS kept,
        count(*) FILTER (outcome = 'dropped') AS dropped,
        count(*) FILTER (outcome = 'quarantined') AS quarantined
    FROM fates GROUP BY source
)
SELECT source, licence, documents, kept, dropped, quarantined, languages
FROM counted LEFT JOIN spoken USING (source)
ORDER BY documents DESC, source
