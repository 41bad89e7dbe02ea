-- The environment and the release that a release was promoted from; of releases made before, from none.
ALTER TABLE config_releases
    ADD COLUMN promoted_from    text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN promoted_release bigint NOT NULL DEFAULT 0;
