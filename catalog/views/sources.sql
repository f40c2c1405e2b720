-- Each source: its licence, what became of its documents, and its commonest languages
-- documents: documents captured from it
-- kept: of these, in the corpus
-- dropped: of these, dropped by crawl, clean or dedup
-- quarantined: of these, that could not be processed
-- languages: its five commonest languages with the number of documents in each
WITH counted AS (
    SELECT
        source, language, min(licence) AS licence, count(*) AS documents,
        count(*) FILTER (outcome = 'kept') AS kept,
        count(*) FILTER (outcome = 'dropped') AS dropped,
        count(*) FILTER (outcome = 'quarantined') AS quarantined
    FROM judged_documents GROUP BY source, language
),
spoken AS (
    SELECT source, language, documents FROM counted WHERE language IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY source ORDER BY documents DESC, language) <= 5
),
named AS (
    SELECT source, string_agg(language || ' ' || documents, ', ' ORDER BY documents DESC, language) AS languages
    FROM spoken GROUP BY source
)
SELECT
    source, min(licence) AS licence, sum(documents)::BIGINT AS documents, sum(kept)::BIGINT AS kept,
    sum(dropped)::BIGINT AS dropped, sum(quarantined)::BIGINT AS quarantined, any_value(languages) AS languages
FROM counted LEFT JOIN named USING (source)
GROUP BY source
ORDER BY documents DESC, source
