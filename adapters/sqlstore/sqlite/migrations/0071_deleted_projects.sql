-- A deleted project is there until its environments are gone, all of which are deleted with it. Its slug, which may be
-- given anew, is followed by a tilde and its id.
ALTER TABLE projects ADD COLUMN deleted_at INTEGER; -- NULL: it is not
CREATE INDEX projects_deleted_idx ON projects (id) WHERE deleted_at IS NOT NULL;
