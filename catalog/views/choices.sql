-- What a choice of data moved: systems of equal recipe, epochs and test set, over three seeds or more that both have
WITH pairs AS (
    SELECT
        o.task, o.system AS before, n.system AS after, n.seed, o.run AS run_before, n.run AS run_after,
        concat_ws(
            '; ',
            if(o.pretraining_steps <> n.pretraining_steps,
                'pretraining steps: ' || o.pretraining_steps || ' -> ' || n.pretraining_steps, NULL),
            if(o.training_set <> n.training_set, 'training texts: ' || o.units || ' -> ' || n.units, NULL)
        ) AS choice
    FROM runs AS o JOIN runs AS n USING (task, kind, recipe, epochs, test_set, seed)
    WHERE o.system <> n.system
        AND (o.pretraining_steps, o.units, o.system) < (n.pretraining_steps, n.units, n.system)
)
SELECT
    task, before, after, choice, o.slice, o.metric, count(*) AS seeds, avg(o.value) AS value_before,
    avg(n.value) AS value_after, avg(n.value - o.value) AS moved, stddev_samp(n.value - o.value) AS deviation
FROM pairs
JOIN metrics AS o ON o.run = run_before
JOIN metrics AS n ON n.run = run_after AND n.slice = o.slice AND n.metric = o.metric
WHERE choice <> ''
GROUP BY ALL
HAVING count(*) >= 3
ORDER BY task, slice, metric, before, after
