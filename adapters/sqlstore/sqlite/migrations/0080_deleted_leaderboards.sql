-- Nobody is shown a deleted leaderboard, all of whose seasons are retired, so that what it has can be deleted in parts. Its
-- id is taken until then.
ALTER TABLE leaderboards ADD COLUMN deleted_at INTEGER; -- NULL: it is not
CREATE INDEX leaderboards_deleted_idx ON leaderboards (environment_id, id) WHERE deleted_at IS NOT NULL;
