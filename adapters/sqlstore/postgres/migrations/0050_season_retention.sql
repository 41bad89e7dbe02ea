ALTER TABLE leaderboards ADD COLUMN keep_seasons bigint NOT NULL DEFAULT 0; -- that ended; 0: all

-- Nobody is shown a retired season, so that what it has can be deleted in parts.
ALTER TABLE leaderboard_seasons ADD COLUMN retired_at timestamptz; -- NULL: it is not
CREATE INDEX leaderboard_seasons_retired_idx ON leaderboard_seasons (environment_id, board_id, number) WHERE retired_at IS NOT NULL;
