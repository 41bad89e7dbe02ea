-- What was answered under a client's idempotency key. The reply is sealed: it may
-- hold tokens.
CREATE TABLE idempotency_records (
    holder      text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    reply       bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT idempotency_records_pkey PRIMARY KEY (holder, name)
);
CREATE INDEX idempotency_records_expires_idx ON idempotency_records (expires_at);
