ALTER TABLE logins
    ADD COLUMN label  text NOT NULL DEFAULT '',
    ADD COLUMN secret text NOT NULL DEFAULT ''; -- what a password was hashed to

-- Attempts to prove an e-mail address. Neither the ticket nor its code is here.
CREATE TABLE tickets (
    environment_id text COLLATE "C" NOT NULL,
    hash           bytea NOT NULL,
    purpose        text COLLATE "C" NOT NULL,
    address        text NOT NULL,
    secret         text NOT NULL,
    player_id      text COLLATE "C" NOT NULL, -- '' but to link
    tries          bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    CONSTRAINT tickets_pkey PRIMARY KEY (environment_id, hash),
    CONSTRAINT tickets_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);
CREATE INDEX tickets_expires_idx ON tickets (environment_id, expires_at);

-- Mail that waits to be sent. Whoever sends one moves due_at on before, so that no
-- other does.
CREATE TABLE mails (
    environment_id text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    kind           text COLLATE "C" NOT NULL,
    address        text NOT NULL,
    ticket         bytea NOT NULL,
    attempts       bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    CONSTRAINT mails_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT mails_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);
CREATE INDEX mails_due_idx ON mails (due_at);
