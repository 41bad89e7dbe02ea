-- What operators declare of collections. The version is from the environment's
-- count of changes, so that a reader knows by one number whether what it
-- remembers still holds.
ALTER TABLE environments ADD COLUMN collections_version bigint NOT NULL DEFAULT 0;
CREATE TABLE collections (
    environment_id text COLLATE "C" NOT NULL,
    name           text COLLATE "C" NOT NULL,
    version        bigint NOT NULL,
    json_schema    text, -- JSON, as it was sent
    read_access    text COLLATE "C" NOT NULL,
    write_access   text COLLATE "C" NOT NULL,
    value_bytes    bigint NOT NULL,
    revisions      bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT collections_pkey PRIMARY KEY (environment_id, name),
    CONSTRAINT collections_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);
-- A collection is gone through, whoever owns what is in it.
CREATE INDEX documents_collection_idx ON documents (environment_id, collection, owner, key);
