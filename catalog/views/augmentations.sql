-- Every copy that augment made, with its parent where it was kept, and the reason where it was refused
-- id: id of the copy
-- drop_reason: why it was refused; null = kept
SELECT id, parent, task, operator, seed, label, split, drop_reason FROM child_verdicts LEFT JOIN children USING (id)
