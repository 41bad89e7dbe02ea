-- Most players have neither a name nor a handle, and are not in these indexes.
DROP INDEX players_name_idx;
CREATE INDEX players_name_idx ON players (environment_id, name_key, id) WHERE name_key <> '';
DROP INDEX players_environment_id_handle_key;
CREATE UNIQUE INDEX players_environment_id_handle_key ON players (environment_id, handle) WHERE handle IS NOT NULL;
