-- Times are microseconds since 1970 in UTC, truth is 0 or 1. Text compares by its
-- bytes, which is SQLite's default.

CREATE TABLE projects (
    id         TEXT NOT NULL,
    slug       TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (id),
    CONSTRAINT projects_slug_key UNIQUE (slug)
) STRICT;

CREATE TABLE environments (
    id         TEXT NOT NULL,
    project_id TEXT NOT NULL,
    slug       TEXT NOT NULL,
    name       TEXT NOT NULL,
    production INTEGER NOT NULL,
    settings   TEXT NOT NULL, -- JSON
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT environments_pkey PRIMARY KEY (id),
    CONSTRAINT environments_project_id_slug_key UNIQUE (project_id, slug),
    CONSTRAINT environments_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
) STRICT;

-- A secret key of a whole project has no environment.
CREATE TABLE credentials (
    id             TEXT NOT NULL,
    kind           TEXT NOT NULL,
    project_id     TEXT NOT NULL,
    environment_id TEXT,
    name           TEXT NOT NULL,
    scopes         TEXT NOT NULL, -- JSON
    networks       TEXT NOT NULL, -- JSON
    hint           TEXT NOT NULL,
    hash           BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    revoked_at     INTEGER,
    last_used_at   INTEGER,
    CONSTRAINT credentials_pkey PRIMARY KEY (id),
    CONSTRAINT credentials_hash_key UNIQUE (hash),
    CONSTRAINT credentials_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT credentials_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX credentials_owner_idx ON credentials (project_id, environment_id, id);
CREATE INDEX credentials_environment_idx ON credentials (environment_id);

CREATE TABLE players (
    environment_id TEXT NOT NULL,
    id             TEXT NOT NULL,
    display_name   TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    last_seen_at   INTEGER NOT NULL,
    CONSTRAINT players_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT players_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE logins (
    environment_id TEXT NOT NULL,
    method         TEXT NOT NULL,
    subject        BLOB NOT NULL,
    player_id      TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    CONSTRAINT logins_pkey PRIMARY KEY (environment_id, method, subject),
    CONSTRAINT logins_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX logins_player_idx ON logins (environment_id, player_id);

CREATE TABLE sessions (
    environment_id TEXT NOT NULL,
    id             TEXT NOT NULL,
    player_id      TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    rotated_at     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    revoked_at     INTEGER,
    reason         TEXT NOT NULL,
    client         TEXT NOT NULL,
    address        TEXT NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT sessions_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX sessions_player_idx ON sessions (environment_id, player_id);
CREATE INDEX sessions_expires_idx ON sessions (environment_id, expires_at);
CREATE INDEX sessions_revoked_idx ON sessions (environment_id, revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE signing_keys (
    environment_id TEXT NOT NULL,
    id             TEXT NOT NULL,
    public         BLOB NOT NULL,
    sealed         BLOB NOT NULL,
    created_at     INTEGER NOT NULL,
    signs_from     INTEGER NOT NULL,
    gone_at        INTEGER,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT signing_keys_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;

-- A shared document's owner is ''. A deleted document stays without its value, so
-- that its version is never used again.
CREATE TABLE documents (
    environment_id TEXT NOT NULL,
    owner          TEXT NOT NULL,
    collection     TEXT NOT NULL,
    key            TEXT NOT NULL,
    value          TEXT, -- JSON, as it was sent
    version        INTEGER NOT NULL,
    read_access    TEXT NOT NULL,
    write_access   TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted        INTEGER NOT NULL,
    CONSTRAINT documents_pkey PRIMARY KEY (environment_id, owner, collection, key),
    CONSTRAINT documents_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE,
    CONSTRAINT documents_value_check CHECK (deleted = (value IS NULL))
) STRICT;

-- Events outlive what they tell of: nothing here refers to another table. An event
-- of the project itself has the environment ''.
CREATE TABLE audit_events (
    project_id     TEXT NOT NULL,
    environment_id TEXT NOT NULL,
    at             INTEGER NOT NULL,
    id             TEXT NOT NULL,
    actor_kind     TEXT NOT NULL,
    actor_id       TEXT NOT NULL,
    actor_name     TEXT NOT NULL,
    action         TEXT NOT NULL,
    target_kind    TEXT NOT NULL,
    target_id      TEXT NOT NULL,
    state_before   TEXT, -- JSON
    state_after    TEXT, -- JSON
    request_id     TEXT NOT NULL,
    address        TEXT NOT NULL,
    CONSTRAINT audit_events_pkey PRIMARY KEY (project_id, at, id)
) STRICT;
CREATE INDEX audit_events_action_idx ON audit_events (project_id, action, at, id);
CREATE INDEX audit_events_environment_idx ON audit_events (environment_id, at, id);
CREATE INDEX audit_events_environment_action_idx ON audit_events (environment_id, action, at, id);

-- A released lease has no end; its row stays, so that its token keeps growing.
CREATE TABLE leases (
    name       TEXT NOT NULL,
    holder     TEXT NOT NULL,
    token      INTEGER NOT NULL,
    expires_at INTEGER,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
) STRICT;

CREATE TABLE job_runs (
    job          TEXT NOT NULL,
    holder       TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL,
    succeeded_at INTEGER,
    runs         INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    last_error   TEXT NOT NULL,
    CONSTRAINT job_runs_pkey PRIMARY KEY (job)
) STRICT;
