-- The few numbers that evaluate puts at the top of its metrics, by name
-- name: name of the number
WITH top AS (
    SELECT metric AS name, value FROM metrics WHERE run = 'evaluate'
)
SELECT name, value FROM top ORDER BY name
