-- A server writes its row again with every heartbeat, and no index has what that changes.
CREATE TABLE servers (
    environment_id TEXT NOT NULL,
    id             TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    revision       INTEGER NOT NULL, -- counts all writes
    changes        INTEGER NOT NULL, -- counts those of more than the lease
    state          TEXT NOT NULL,
    hidden         INTEGER NOT NULL,
    ended          INTEGER NOT NULL,
    players        INTEGER NOT NULL,
    max_players    INTEGER NOT NULL,
    name           TEXT NOT NULL,
    region         TEXT NOT NULL,
    version        TEXT NOT NULL,
    map            TEXT NOT NULL,
    mode           TEXT NOT NULL,
    host           TEXT NOT NULL,
    ports          TEXT NOT NULL, -- JSON, as are the next two
    tags           TEXT NOT NULL,
    seats          TEXT NOT NULL,
    metadata       TEXT NOT NULL, -- JSON, or nothing
    registered_at  INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL, -- the end of the lease
    CONSTRAINT servers_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT servers_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;
