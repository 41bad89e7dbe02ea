ALTER TABLE logins ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE logins ADD COLUMN secret TEXT NOT NULL DEFAULT ''; -- what a password was hashed to

-- Attempts to prove an e-mail address. Neither the ticket nor its code is here.
CREATE TABLE tickets (
    environment_id TEXT NOT NULL,
    hash           BLOB NOT NULL,
    purpose        TEXT NOT NULL,
    address        TEXT NOT NULL,
    secret         TEXT NOT NULL,
    player_id      TEXT NOT NULL, -- '' but to link
    tries          INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    CONSTRAINT tickets_pkey PRIMARY KEY (environment_id, hash),
    CONSTRAINT tickets_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX tickets_expires_idx ON tickets (environment_id, expires_at);

-- Mail that waits to be sent. Whoever sends one moves due_at on before, so that no
-- other does.
CREATE TABLE mails (
    environment_id TEXT NOT NULL,
    id             TEXT NOT NULL,
    kind           TEXT NOT NULL,
    address        TEXT NOT NULL,
    ticket         BLOB NOT NULL,
    attempts       INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    CONSTRAINT mails_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT mails_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX mails_due_idx ON mails (due_at);
