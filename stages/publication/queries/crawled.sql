-- When the sources of what is published were asked or downloaded, by day, and how often
SELECT source, min(fetched_at[:10]) AS first_day, max(fetched_at[:10]) AS last_day, count(*) AS answers
FROM fetches
WHERE source IN (SELECT DISTINCT source FROM memory.published JOIN documents USING (id))
GROUP BY source
ORDER BY source
