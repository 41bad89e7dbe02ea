-- Live configuration. The version is from the environment's count of changes, so
-- that a reader knows by one number whether what it remembers still holds.
ALTER TABLE environments ADD COLUMN configs_version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE config_bundles (
    environment_id TEXT NOT NULL,
    hash           TEXT NOT NULL, -- SHA-256 of the bytes, in lower-case hexadecimal digits
    size           INTEGER NOT NULL,
    content_type   TEXT NOT NULL,
    object         TEXT NOT NULL, -- the key of the bytes in the object store
    created_at     INTEGER NOT NULL,
    touched_at     INTEGER NOT NULL,
    CONSTRAINT config_bundles_pkey PRIMARY KEY (environment_id, hash),
    CONSTRAINT config_bundles_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX config_bundles_object_key ON config_bundles (environment_id, object);
CREATE INDEX config_bundles_created_idx ON config_bundles (environment_id, created_at, hash);
CREATE INDEX config_bundles_touched_idx ON config_bundles (environment_id, touched_at, hash);

CREATE TABLE configs (
    environment_id TEXT NOT NULL,
    name           TEXT NOT NULL,
    version        INTEGER NOT NULL,
    json_schema    TEXT, -- JSON, as it was sent
    readers        TEXT NOT NULL,
    release        INTEGER NOT NULL, -- the current one; 0: none yet
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    CONSTRAINT configs_pkey PRIMARY KEY (environment_id, name),
    CONSTRAINT configs_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE config_releases (
    environment_id TEXT NOT NULL,
    config         TEXT NOT NULL,
    number         INTEGER NOT NULL,
    rules          TEXT NOT NULL, -- JSON
    restores       INTEGER NOT NULL, -- 0: none
    note           TEXT NOT NULL,
    created_by     TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    CONSTRAINT config_releases_pkey PRIMARY KEY (environment_id, config, number),
    CONSTRAINT config_releases_config_fkey FOREIGN KEY (environment_id, config) REFERENCES configs (environment_id, name) ON DELETE CASCADE
) STRICT;

-- The bundles that a release names. While there is one, the bundle stays.
CREATE TABLE config_release_bundles (
    environment_id TEXT NOT NULL,
    hash           TEXT NOT NULL,
    config         TEXT NOT NULL,
    number         INTEGER NOT NULL,
    CONSTRAINT config_release_bundles_pkey PRIMARY KEY (environment_id, hash, config, number),
    CONSTRAINT config_release_bundles_bundle_fkey FOREIGN KEY (environment_id, hash) REFERENCES config_bundles (environment_id, hash),
    CONSTRAINT config_release_bundles_release_fkey FOREIGN KEY (environment_id, config, number) REFERENCES config_releases (environment_id, config, number) ON DELETE CASCADE
) STRICT;
CREATE INDEX config_release_bundles_release_idx ON config_release_bundles (environment_id, config, number);
