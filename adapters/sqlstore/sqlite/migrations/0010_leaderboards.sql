CREATE TABLE leaderboards (
    environment_id TEXT NOT NULL,
    id             TEXT NOT NULL,
    name           TEXT NOT NULL,
    sort           TEXT NOT NULL, -- this and the next three hold from the next season on
    operator       TEXT NOT NULL,
    tie_break      TEXT NOT NULL,
    attempts       INTEGER NOT NULL,
    min_score      INTEGER,
    max_score      INTEGER,
    submitters     TEXT NOT NULL,
    metadata_bytes INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    season         INTEGER NOT NULL, -- the open one
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    CONSTRAINT leaderboards_pkey PRIMARY KEY (environment_id, id),
    CONSTRAINT leaderboards_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environments (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE leaderboard_seasons (
    environment_id TEXT NOT NULL,
    board_id       TEXT NOT NULL,
    number         INTEGER NOT NULL,
    sort           TEXT NOT NULL,
    operator       TEXT NOT NULL,
    tie_break      TEXT NOT NULL,
    attempts       INTEGER NOT NULL,
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER, -- NULL while it is open
    epoch          INTEGER NOT NULL,
    CONSTRAINT leaderboard_seasons_pkey PRIMARY KEY (environment_id, board_id, number),
    CONSTRAINT leaderboard_seasons_board_fkey FOREIGN KEY (environment_id, board_id) REFERENCES leaderboards (environment_id, id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX leaderboard_seasons_open_key ON leaderboard_seasons (environment_id, board_id) WHERE ended_at IS NULL;

-- What a player has in a season. The keys sort bytewise as the entries rank.
CREATE TABLE leaderboard_entries (
    environment_id TEXT NOT NULL,
    player_id      TEXT NOT NULL,
    board_id       TEXT NOT NULL,
    season         INTEGER NOT NULL,
    rank_key       BLOB NOT NULL, -- empty: the entry was removed
    score          INTEGER NOT NULL,
    subscore       INTEGER NOT NULL,
    achieved_at    INTEGER NOT NULL,
    metadata       TEXT NOT NULL, -- JSON, or nothing
    submissions    INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    CONSTRAINT leaderboard_entries_pkey PRIMARY KEY (environment_id, player_id, board_id, season),
    CONSTRAINT leaderboard_entries_player_fkey FOREIGN KEY (environment_id, player_id) REFERENCES players (environment_id, id) ON DELETE CASCADE,
    CONSTRAINT leaderboard_entries_season_fkey FOREIGN KEY (environment_id, board_id, season) REFERENCES leaderboard_seasons (environment_id, board_id, number) ON DELETE CASCADE
) STRICT;
CREATE INDEX leaderboard_entries_rank_idx ON leaderboard_entries (environment_id, board_id, season, rank_key, player_id);
