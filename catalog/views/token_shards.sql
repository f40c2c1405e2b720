-- The files of token ids that training reads, in its order
-- documents: documents in the file
SELECT path, key, rows AS documents, bytes, sha256 FROM segments WHERE stage = 'tokenize' AND table_name = 'tokens'
