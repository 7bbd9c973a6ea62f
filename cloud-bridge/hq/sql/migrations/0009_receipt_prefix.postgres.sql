-- The prefix of a receipt's number, in a store that could not learn where its numbers had ended.
ALTER TABLE sale ADD COLUMN receipt_prefix TEXT;
