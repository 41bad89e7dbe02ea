-- A server writes its row again with every heartbeat. No index has what a heartbeat
-- changes, so that the new row can take the place of the old one within its page.
CREATE TABLE servers (
    environment_id text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    generation     bigint NOT NULL,
    revision       bigint NOT NULL, -- counts all writes
    changes        bigint NOT NULL, -- counts those of more than the lease
    state          text COLLATE "C" NOT NULL,
    hidden         boolean NOT NULL,
    ended          boolean NOT NULL,
    players        bigint NOT NULL,
    max_players    bigint NOT NULL,
    name           text NOT NULL,
    region         text NOT NULL,
    version        text NOT NULL,
    map            text NOT NULL,
    mode           text NOT NULL,
    host           text NOT NULL,
    ports          text NOT NULL, -- JSON, as are the next two
    tags           text NOT NULL,
    seats          text NOT NULL,
    metadata       text NOT NULL, -- JSON, or nothing
    registered_at  timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL, -- the end of the lease
    CONSTRAINT servers_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT servers_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) WITH (fillfactor = 70);
