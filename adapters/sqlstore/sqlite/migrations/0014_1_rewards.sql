ALTER TABLE leaderboards ADD COLUMN prizes TEXT; -- JSON; NULL: none

-- What seasons that ended have to give, and how far that has come.
CREATE TABLE awards (
    environment_id TEXT NOT NULL,
    board_id       TEXT NOT NULL,
    season         INTEGER NOT NULL,
    prizes         TEXT NOT NULL, -- JSON: the leaderboard's as they were when it ended
    entries        INTEGER NOT NULL, -- that had a place when the giving began; -1 until then
    place          INTEGER NOT NULL, -- this and the next three are those of the last entry that was looked at
    rank           INTEGER NOT NULL,
    rank_key       BLOB NOT NULL,
    player_id      TEXT NOT NULL,
    finished       INTEGER NOT NULL,
    CONSTRAINT awards_pkey PRIMARY KEY (environment_id, board_id, season),
    CONSTRAINT awards_season_fkey FOREIGN KEY (environment_id, board_id, season) REFERENCES leaderboard_seasons (environment_id, board_id, number) ON DELETE CASCADE
) STRICT;
CREATE INDEX awards_unfinished_idx ON awards (environment_id, board_id, season) WHERE NOT finished;

CREATE TABLE rewards (
    environment_id TEXT NOT NULL,
    player_id      TEXT NOT NULL,
    board_id       TEXT NOT NULL,
    season         INTEGER NOT NULL,
    place          INTEGER NOT NULL,
    rank           INTEGER NOT NULL,
    payload        TEXT NOT NULL, -- JSON
    created_at     INTEGER NOT NULL,
    claimed_at     INTEGER, -- NULL: it was not
    CONSTRAINT rewards_pkey PRIMARY KEY (environment_id, player_id, board_id, season),
    CONSTRAINT rewards_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE,
    CONSTRAINT rewards_season_fkey FOREIGN KEY (environment_id, board_id, season) REFERENCES leaderboard_seasons (environment_id, board_id, number) ON DELETE CASCADE
) STRICT;
CREATE INDEX rewards_season_idx ON rewards (environment_id, board_id, season, place);
CREATE INDEX rewards_unclaimed_idx ON rewards (environment_id, board_id, season, place) WHERE claimed_at IS NULL;
