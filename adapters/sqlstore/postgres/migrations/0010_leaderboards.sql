CREATE TABLE leaderboards (
    environment_id text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    name           text NOT NULL,
    sort           text COLLATE "C" NOT NULL, -- this and the next three hold from the next season on
    operator       text COLLATE "C" NOT NULL,
    tie_break      text COLLATE "C" NOT NULL,
    attempts       bigint NOT NULL,
    min_score      bigint,
    max_score      bigint,
    submitters     text COLLATE "C" NOT NULL,
    metadata_bytes bigint NOT NULL,
    version        bigint NOT NULL,
    season         bigint NOT NULL, -- the open one
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT leaderboards_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT leaderboards_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
);

CREATE TABLE leaderboard_seasons (
    environment_id text COLLATE "C" NOT NULL,
    board_id       text COLLATE "C" NOT NULL,
    number         bigint NOT NULL,
    sort           text COLLATE "C" NOT NULL,
    operator       text COLLATE "C" NOT NULL,
    tie_break      text COLLATE "C" NOT NULL,
    attempts       bigint NOT NULL,
    started_at     timestamptz NOT NULL,
    ended_at       timestamptz, -- NULL while it is open
    epoch          bigint NOT NULL,
    CONSTRAINT leaderboard_seasons_pkey PRIMARY KEY (environment_id, board_id, number),
    CONSTRAINT leaderboard_seasons_board_fkey FOREIGN KEY (environment_id, board_id) REFERENCES leaderboards (environment_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX leaderboard_seasons_open_key ON leaderboard_seasons (environment_id, board_id) WHERE ended_at IS NULL;

-- What a player has in a season. The keys sort bytewise as the entries rank.
CREATE TABLE leaderboard_entries (
    environment_id text COLLATE "C" NOT NULL,
    player_id      text COLLATE "C" NOT NULL,
    board_id       text COLLATE "C" NOT NULL,
    season         bigint NOT NULL,
    rank_key       bytea NOT NULL, -- empty: the entry was removed
    score          bigint NOT NULL,
    subscore       bigint NOT NULL,
    achieved_at    timestamptz NOT NULL,
    metadata       text NOT NULL, -- JSON, or nothing
    submissions    bigint NOT NULL,
    revision       bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT leaderboard_entries_pkey PRIMARY KEY (environment_id, player_id, board_id, season),
    CONSTRAINT leaderboard_entries_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE,
    CONSTRAINT leaderboard_entries_season_fkey FOREIGN KEY (environment_id, board_id, season) REFERENCES leaderboard_seasons (environment_id, board_id, number) ON DELETE CASCADE
);
CREATE INDEX leaderboard_entries_rank_idx ON leaderboard_entries (environment_id, board_id, season, rank_key, player_id);
