ALTER TABLE leaderboards ADD COLUMN prizes text; -- JSON; NULL: none

-- What seasons that ended have to give, and how far that has come.
CREATE TABLE awards (
    environment_id text COLLATE "C" NOT NULL,
    board_id       text COLLATE "C" NOT NULL,
    season         bigint NOT NULL,
    prizes         text NOT NULL, -- JSON: the leaderboard's as they were when it ended
    entries        bigint NOT NULL, -- that had a place when the giving began; -1 until then
    place          bigint NOT NULL, -- this and the next three are those of the last entry that was looked at
    rank           bigint NOT NULL,
    rank_key       bytea NOT NULL,
    player_id      text COLLATE "C" NOT NULL,
    finished       boolean NOT NULL,
    CONSTRAINT awards_pkey PRIMARY KEY (environment_id, board_id, season),
    CONSTRAINT awards_season_fkey FOREIGN KEY (environment_id, board_id, season) REFERENCES leaderboard_seasons (environment_id, board_id, number) ON DELETE CASCADE
);
CREATE INDEX awards_unfinished_idx ON awards (environment_id, board_id, season) WHERE NOT finished;

CREATE TABLE rewards (
    environment_id text COLLATE "C" NOT NULL,
    player_id      text COLLATE "C" NOT NULL,
    board_id       text COLLATE "C" NOT NULL,
    season         bigint NOT NULL,
    place          bigint NOT NULL,
    rank           bigint NOT NULL,
    payload        text NOT NULL, -- JSON
    created_at     timestamptz NOT NULL,
    claimed_at     timestamptz, -- NULL: it was not
    CONSTRAINT rewards_pkey PRIMARY KEY (environment_id, player_id, board_id, season),
    CONSTRAINT rewards_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE,
    CONSTRAINT rewards_season_fkey FOREIGN KEY (environment_id, board_id, season) REFERENCES leaderboard_seasons (environment_id, board_id, number) ON DELETE CASCADE
);
CREATE INDEX rewards_season_idx ON rewards (environment_id, board_id, season, place);
CREATE INDEX rewards_unclaimed_idx ON rewards (environment_id, board_id, season, place) WHERE claimed_at IS NULL;
