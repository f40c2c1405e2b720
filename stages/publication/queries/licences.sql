-- Licences of what is published
SELECT licence, count(*) AS documents
FROM memory.published JOIN documents USING (id)
GROUP BY licence
ORDER BY documents DESC, licence
