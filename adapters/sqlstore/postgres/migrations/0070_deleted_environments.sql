-- Nobody is shown a deleted environment, so that what it has can be deleted in parts. Its slug, which
-- may be given anew, is followed by a tilde and its id.
ALTER TABLE environments ADD COLUMN deleted_at timestamptz; -- NULL: it is not
CREATE INDEX environments_deleted_idx ON environments (id) WHERE deleted_at IS NOT NULL;
-- They go in the order of their ids.
CREATE INDEX credentials_environment_id_idx ON credentials (environment_id, id);
DROP INDEX credentials_environment_idx;
