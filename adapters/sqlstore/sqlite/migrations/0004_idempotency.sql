-- What was answered under a client's idempotency key. The reply is sealed: it may
-- hold tokens.
CREATE TABLE idempotency_records (
    holder      TEXT NOT NULL,
    name        TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    reply       BLOB NOT NULL,
    expires_at  INTEGER NOT NULL,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (holder, name)
) STRICT;
CREATE INDEX idempotency_records_expires_idx ON idempotency_records (expires_at);
