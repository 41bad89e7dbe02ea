-- Earlier states of documents. What a document is now is in documents alone; how
-- many of these are kept is the writers' to say.
CREATE TABLE document_revisions (
    environment_id TEXT NOT NULL,
    owner          TEXT NOT NULL,
    collection     TEXT NOT NULL,
    key            TEXT NOT NULL,
    version        INTEGER NOT NULL,
    value          TEXT, -- JSON, as it was sent
    read_access    TEXT NOT NULL,
    write_access   TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted        INTEGER NOT NULL,
    CONSTRAINT document_revisions_pkey PRIMARY KEY (environment_id, owner, collection, key, version),
    CONSTRAINT document_revisions_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE,
    CONSTRAINT document_revisions_value_check CHECK (deleted = (value IS NULL))
) STRICT;
