-- Live configuration. The version is from the environment's count of changes, so
-- that a reader knows by one number whether what it remembers still holds.
ALTER TABLE environments ADD COLUMN configs_version bigint NOT NULL DEFAULT 0;

CREATE TABLE config_bundles (
    environment_id text COLLATE "C" NOT NULL,
    hash           text COLLATE "C" NOT NULL, -- SHA-256 of the bytes, in lower-case hexadecimal digits
    size           bigint NOT NULL,
    content_type   text COLLATE "C" NOT NULL,
    object         text COLLATE "C" NOT NULL, -- the key of the bytes in the object store
    created_at     timestamptz NOT NULL,
    touched_at     timestamptz NOT NULL,
    CONSTRAINT config_bundles_pkey PRIMARY KEY (environment_id, hash),
    CONSTRAINT config_bundles_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX config_bundles_object_key ON config_bundles (environment_id, object);
CREATE INDEX config_bundles_created_idx ON config_bundles (environment_id, created_at, hash);
CREATE INDEX config_bundles_touched_idx ON config_bundles (environment_id, touched_at, hash);

CREATE TABLE configs (
    environment_id text COLLATE "C" NOT NULL,
    name           text COLLATE "C" NOT NULL,
    version        bigint NOT NULL,
    json_schema    text, -- JSON, as it was sent
    readers        text COLLATE "C" NOT NULL,
    release        bigint NOT NULL, -- the current one; 0: none yet
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT configs_pkey PRIMARY KEY (environment_id, name),
    CONSTRAINT configs_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);

CREATE TABLE config_releases (
    environment_id text COLLATE "C" NOT NULL,
    config         text COLLATE "C" NOT NULL,
    number         bigint NOT NULL,
    rules          text NOT NULL, -- JSON
    restores       bigint NOT NULL, -- 0: none
    note           text NOT NULL,
    created_by     text NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT config_releases_pkey PRIMARY KEY (environment_id, config, number),
    CONSTRAINT config_releases_config_fkey FOREIGN KEY (environment_id, config) REFERENCES configs (environment_id, name) ON DELETE CASCADE
);

-- The bundles that a release names. While there is one, the bundle stays.
CREATE TABLE config_release_bundles (
    environment_id text COLLATE "C" NOT NULL,
    hash           text COLLATE "C" NOT NULL,
    config         text COLLATE "C" NOT NULL,
    number         bigint NOT NULL,
    CONSTRAINT config_release_bundles_pkey PRIMARY KEY (environment_id, hash, config, number),
    CONSTRAINT config_release_bundles_bundle_fkey FOREIGN KEY (environment_id, hash) REFERENCES config_bundles (environment_id, hash),
    CONSTRAINT config_release_bundles_release_fkey FOREIGN KEY (environment_id, config, number) REFERENCES config_releases (environment_id, config, number) ON DELETE CASCADE
);
CREATE INDEX config_release_bundles_release_idx ON config_release_bundles (environment_id, config, number);
