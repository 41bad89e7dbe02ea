-- What operators declare of collections. The version is from the environment's
-- count of changes, so that a reader knows by one number whether what it
-- remembers still holds.
ALTER TABLE environments ADD COLUMN collections_version INTEGER NOT NULL DEFAULT 0;
CREATE TABLE collections (
    environment_id TEXT NOT NULL,
    name           TEXT NOT NULL,
    version        INTEGER NOT NULL,
    json_schema    TEXT, -- JSON, as it was sent
    read_access    TEXT NOT NULL,
    write_access   TEXT NOT NULL,
    value_bytes    INTEGER NOT NULL,
    revisions      INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (environment_id, name),
    FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
-- A collection is gone through, whoever owns what is in it.
CREATE INDEX documents_collection_idx ON documents (environment_id, collection, owner, key);
