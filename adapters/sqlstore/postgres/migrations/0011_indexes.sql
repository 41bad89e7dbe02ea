-- Most players have neither a name nor a handle, and are not in these indexes.
DROP INDEX players_name_idx;
CREATE INDEX players_name_idx ON players (environment_id, name_key, id) WHERE name_key <> '';
DROP INDEX players_environment_id_handle_key;
CREATE UNIQUE INDEX players_environment_id_handle_key ON players (environment_id, handle) WHERE handle IS NOT NULL;

-- Of two indexes that seem to cost the same, as all do while a table is small, the
-- planner takes the newer, and keeps to it while the table grows. The one that leads
-- straight to the row has to be that one.
ALTER TABLE logins DROP CONSTRAINT logins_pkey, ADD CONSTRAINT logins_pkey PRIMARY KEY (environment_id, method, subject);
ALTER TABLE sessions DROP CONSTRAINT sessions_pkey, ADD CONSTRAINT sessions_pkey PRIMARY KEY (environment_id, id);
ALTER TABLE documents DROP CONSTRAINT documents_pkey, ADD CONSTRAINT documents_pkey PRIMARY KEY (environment_id, owner, collection, key);
ALTER TABLE leaderboard_entries DROP CONSTRAINT leaderboard_entries_pkey,
    ADD CONSTRAINT leaderboard_entries_pkey PRIMARY KEY (environment_id, player_id, board_id, season);

-- Revisions are only made of documents that are there, whose row their writer has
-- locked, so that to check each against the one row of its environment is work for
-- nothing, and all writers' at once. Who deletes an environment deletes them.
ALTER TABLE document_revisions DROP CONSTRAINT document_revisions_environment_id_fkey;
