-- Earlier states of documents. What a document is now is in documents alone; how
-- many of these are kept is the writers' to say.
CREATE TABLE document_revisions (
    environment_id text COLLATE "C" NOT NULL,
    owner          text COLLATE "C" NOT NULL,
    collection     text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    version        bigint NOT NULL,
    value          text, -- JSON, as it was sent
    read_access    text COLLATE "C" NOT NULL,
    write_access   text COLLATE "C" NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    deleted        boolean NOT NULL,
    CONSTRAINT document_revisions_pkey PRIMARY KEY (environment_id, owner, collection, key, version),
    CONSTRAINT document_revisions_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE,
    CONSTRAINT document_revisions_value_check CHECK (deleted = (value IS NULL))
);
