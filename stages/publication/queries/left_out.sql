-- Documents that are left out, by reason and licence
SELECT reason, licence, count(*) AS documents
FROM memory.decided JOIN documents USING (id)
WHERE reason IS NOT NULL
GROUP BY reason, licence
ORDER BY documents DESC, reason, licence
