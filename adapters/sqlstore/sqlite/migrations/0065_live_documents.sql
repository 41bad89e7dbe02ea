-- Deleted documents stay for good, and lists leave them out, as they leave out what the reader may not
-- see: both are in no index that a list goes through.
DROP INDEX documents_collection_idx;
CREATE INDEX documents_collection_idx ON documents (environment_id, collection, owner, key) WHERE NOT deleted;
CREATE INDEX documents_live_idx ON documents (environment_id, owner, read_access, collection, key) WHERE NOT deleted;
