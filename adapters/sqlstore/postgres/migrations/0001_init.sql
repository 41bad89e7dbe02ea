-- Identifiers are text that compares by its bytes (COLLATE "C"), so that any order
-- or range is the same on every engine and in every locale, and an index on them
-- serves a range of prefixes.

CREATE TABLE projects (
    id         text COLLATE "C" NOT NULL,
    slug       text COLLATE "C" NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT projects_pkey PRIMARY KEY (id),
    CONSTRAINT projects_slug_key UNIQUE (slug)
);

CREATE TABLE environments (
    id         text COLLATE "C" NOT NULL,
    project_id text COLLATE "C" NOT NULL,
    slug       text COLLATE "C" NOT NULL,
    name       text NOT NULL,
    production boolean NOT NULL,
    settings   text NOT NULL, -- JSON
    version    bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT environments_pkey PRIMARY KEY (id),
    CONSTRAINT environments_project_id_slug_key UNIQUE (project_id, slug),
    CONSTRAINT environments_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE
);

-- A secret key of a whole project has no environment.
CREATE TABLE credentials (
    id             text COLLATE "C" NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    project_id     text COLLATE "C" NOT NULL,
    environment_id text COLLATE "C",
    name           text NOT NULL,
    scopes         text NOT NULL, -- JSON
    networks       text NOT NULL, -- JSON
    hint           text NOT NULL,
    hash           bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz,
    revoked_at     timestamptz,
    last_used_at   timestamptz,
    CONSTRAINT credentials_pkey PRIMARY KEY (id),
    CONSTRAINT credentials_hash_key UNIQUE (hash),
    CONSTRAINT credentials_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT credentials_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);
CREATE INDEX credentials_owner_idx ON credentials (project_id, environment_id, id);
CREATE INDEX credentials_environment_idx ON credentials (environment_id);

CREATE TABLE players (
    environment_id text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    display_name   text NOT NULL,
    created_at     timestamptz NOT NULL,
    last_seen_at   timestamptz NOT NULL,
    CONSTRAINT players_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT players_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);

CREATE TABLE logins (
    environment_id text COLLATE "C" NOT NULL,
    method         text COLLATE "C" NOT NULL,
    subject        bytea NOT NULL,
    player_id      text COLLATE "C" NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT logins_pkey PRIMARY KEY (environment_id, method, subject),
    CONSTRAINT logins_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX logins_player_idx ON logins (environment_id, player_id);

CREATE TABLE sessions (
    environment_id text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    player_id      text COLLATE "C" NOT NULL,
    generation     bigint NOT NULL,
    rotated_at     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    reason         text NOT NULL,
    client         text NOT NULL,
    address        text NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT sessions_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE
);
CREATE INDEX sessions_player_idx ON sessions (environment_id, player_id);
CREATE INDEX sessions_expires_idx ON sessions (environment_id, expires_at);
CREATE INDEX sessions_revoked_idx ON sessions (environment_id, revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE signing_keys (
    environment_id text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    public         bytea NOT NULL,
    sealed         bytea NOT NULL,
    created_at     timestamptz NOT NULL,
    signs_from     timestamptz NOT NULL,
    gone_at        timestamptz,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT signing_keys_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);

-- A shared document's owner is ''. A deleted document stays without its value, so
-- that its version is never used again.
CREATE TABLE documents (
    environment_id text COLLATE "C" NOT NULL,
    owner          text COLLATE "C" NOT NULL,
    collection     text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    value          text, -- JSON, as it was sent
    version        bigint NOT NULL,
    read_access    text COLLATE "C" NOT NULL,
    write_access   text COLLATE "C" NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    deleted        boolean NOT NULL,
    CONSTRAINT documents_pkey PRIMARY KEY (environment_id, owner, collection, key),
    CONSTRAINT documents_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE,
    CONSTRAINT documents_value_check CHECK (deleted = (value IS NULL))
);

-- Events outlive what they tell of: nothing here refers to another table. An event
-- of the project itself has the environment ''.
CREATE TABLE audit_events (
    project_id     text COLLATE "C" NOT NULL,
    environment_id text COLLATE "C" NOT NULL,
    at             timestamptz NOT NULL,
    id             text COLLATE "C" NOT NULL,
    actor_kind     text NOT NULL,
    actor_id       text NOT NULL,
    actor_name     text NOT NULL,
    action         text COLLATE "C" NOT NULL,
    target_kind    text NOT NULL,
    target_id      text NOT NULL,
    state_before   text, -- JSON
    state_after    text, -- JSON
    request_id     text NOT NULL,
    address        text NOT NULL,
    CONSTRAINT audit_events_pkey PRIMARY KEY (project_id, at, id)
);
CREATE INDEX audit_events_action_idx ON audit_events (project_id, action, at, id);
CREATE INDEX audit_events_environment_idx ON audit_events (environment_id, at, id);
CREATE INDEX audit_events_environment_action_idx ON audit_events (environment_id, action, at, id);

-- A released lease has no end; its row stays, so that its token keeps growing.
CREATE TABLE leases (
    name       text COLLATE "C" NOT NULL,
    holder     text COLLATE "C" NOT NULL,
    token      bigint NOT NULL,
    expires_at timestamptz,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
);

CREATE TABLE job_runs (
    job          text COLLATE "C" NOT NULL,
    holder       text NOT NULL,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz NOT NULL,
    succeeded_at timestamptz,
    runs         bigint NOT NULL,
    failures     bigint NOT NULL,
    last_error   text NOT NULL,
    CONSTRAINT job_runs_pkey PRIMARY KEY (job)
);
