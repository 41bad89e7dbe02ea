-- The environment and the release that a release was promoted from; of releases made before, from none.
ALTER TABLE config_releases ADD COLUMN promoted_from TEXT NOT NULL DEFAULT '';
ALTER TABLE config_releases ADD COLUMN promoted_release INTEGER NOT NULL DEFAULT 0;
