ALTER TABLE players ADD COLUMN name_key TEXT NOT NULL DEFAULT ''; -- display_name as it is searched
ALTER TABLE players ADD COLUMN handle TEXT;
ALTER TABLE players ADD COLUMN metadata TEXT NOT NULL DEFAULT ''; -- JSON, or nothing
ALTER TABLE players ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE players ADD COLUMN banned_at INTEGER;
ALTER TABLE players ADD COLUMN banned_until INTEGER;
ALTER TABLE players ADD COLUMN ban_reason TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX players_environment_id_handle_key ON players (environment_id, handle);
CREATE INDEX players_name_idx ON players (environment_id, name_key, id);
CREATE INDEX logins_player_method_idx ON logins (environment_id, player_id, method, subject);
DROP INDEX logins_player_idx;
