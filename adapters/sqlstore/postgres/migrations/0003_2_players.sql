ALTER TABLE players
    ADD COLUMN name_key     text COLLATE "C" NOT NULL DEFAULT '', -- display_name as it is searched
    ADD COLUMN handle       text COLLATE "C",
    ADD COLUMN metadata     text NOT NULL DEFAULT '', -- JSON, or nothing
    ADD COLUMN version      bigint NOT NULL DEFAULT 1,
    ADD COLUMN banned_at    timestamptz,
    ADD COLUMN banned_until timestamptz,
    ADD COLUMN ban_reason   text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX players_environment_id_handle_key ON players (environment_id, handle);
CREATE INDEX players_name_idx ON players (environment_id, name_key, id);
CREATE INDEX logins_player_method_idx ON logins (environment_id, player_id, method, subject);
DROP INDEX logins_player_idx;
