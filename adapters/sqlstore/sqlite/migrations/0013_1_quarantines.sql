-- An entry without a place has an empty key. What was removed used to lose its run, and
-- can't be told from what can be brought back: it goes, and with it what
-- indexes know of it.
DELETE FROM leaderboard_entries WHERE length(rank_key) = 0;
UPDATE leaderboard_seasons SET epoch = epoch + 1;
ALTER TABLE leaderboard_entries ADD COLUMN removed_at INTEGER; -- NULL: it was not
ALTER TABLE leaderboard_entries ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0; -- its player is quarantined

CREATE TABLE quarantines (
    environment_id TEXT NOT NULL,
    player_id      TEXT NOT NULL,
    board_id       TEXT NOT NULL, -- empty: every leaderboard; who deletes one deletes those of it
    reason         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    CONSTRAINT quarantines_pkey PRIMARY KEY (environment_id, player_id, board_id),
    CONSTRAINT quarantines_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX quarantines_board_idx ON quarantines (environment_id, board_id, player_id);
