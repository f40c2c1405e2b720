-- Two documents that say the same, as dedup measured them: a member of a cluster and the document kept for it, or a cut
-- other: id of the document that is kept for it, or keeps what stands there
-- level: cluster, or the level that found the cut: semantic, paragraphs or substrings
-- similarity: Jaccard (clusters) or cosine (semantic) of the two, per mille; null where the same words stand there
-- dropped: is the document dropped for it?
SELECT id, representative AS other, 'cluster' AS level, similarity, drop_reason IS NOT NULL AS dropped
FROM clusters WHERE similarity IS NOT NULL
UNION ALL
SELECT id, "of" AS other, level, max(similarity) AS similarity, bool_or(effect = 'drop') AS dropped
FROM cuts GROUP BY ALL
