-- A player's sessions are listed newest first.
CREATE INDEX sessions_player_id_idx ON sessions (environment_id, player_id, id);
DROP INDEX sessions_player_idx;
