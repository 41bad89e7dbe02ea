-- Seasons that end by themselves, and what becomes of them after.
ALTER TABLE leaderboards
    ADD COLUMN cron      text COLLATE "C" NOT NULL DEFAULT '', -- '': seasons end when an operator says so
    ADD COLUMN time_zone text COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE leaderboard_seasons
    ADD COLUMN state       text COLLATE "C" NOT NULL DEFAULT 'open',
    ADD COLUMN planned_end timestamptz, -- NULL: it has none
    ADD COLUMN freezes_at  timestamptz, -- NULL while it is open
    ADD COLUMN archived_at timestamptz; -- NULL until its standings are
UPDATE leaderboard_seasons SET state = 'closing', freezes_at = ended_at WHERE ended_at IS NOT NULL;

CREATE INDEX leaderboard_seasons_due_idx ON leaderboard_seasons (environment_id, planned_end) WHERE ended_at IS NULL;
CREATE INDEX leaderboard_seasons_unfinished_idx ON leaderboard_seasons (environment_id, board_id, number) WHERE ended_at IS NOT NULL AND archived_at IS NULL;
