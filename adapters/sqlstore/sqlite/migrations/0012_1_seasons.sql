-- Seasons that end by themselves, and what becomes of them after.
ALTER TABLE leaderboards ADD COLUMN cron TEXT NOT NULL DEFAULT ''; -- '': seasons end when an operator says so
ALTER TABLE leaderboards ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';

ALTER TABLE leaderboard_seasons ADD COLUMN state TEXT NOT NULL DEFAULT 'open';
ALTER TABLE leaderboard_seasons ADD COLUMN planned_end INTEGER; -- NULL: it has none
ALTER TABLE leaderboard_seasons ADD COLUMN freezes_at INTEGER; -- NULL while it is open
ALTER TABLE leaderboard_seasons ADD COLUMN archived_at INTEGER; -- NULL until its standings are
UPDATE leaderboard_seasons SET state = 'closing', freezes_at = ended_at WHERE ended_at IS NOT NULL;

CREATE INDEX leaderboard_seasons_due_idx ON leaderboard_seasons (environment_id, planned_end) WHERE ended_at IS NULL;
CREATE INDEX leaderboard_seasons_unfinished_idx ON leaderboard_seasons (environment_id, board_id, number) WHERE ended_at IS NOT NULL AND archived_at IS NULL;
