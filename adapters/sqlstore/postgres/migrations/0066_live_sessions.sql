-- What is asked of a player's live sessions at each sign-in walks over none that were ended.
CREATE INDEX sessions_live_idx ON sessions (environment_id, player_id, id) WHERE revoked_at IS NULL;
