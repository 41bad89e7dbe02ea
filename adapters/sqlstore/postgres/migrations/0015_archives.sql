-- What the archive of a season is, once archived_at tells that there is one.
ALTER TABLE leaderboard_seasons
    ADD COLUMN archive_sha256  text COLLATE "C" NOT NULL DEFAULT '', -- of its bytes, in hexadecimal
    ADD COLUMN archive_bytes   bigint NOT NULL DEFAULT 0,
    ADD COLUMN archive_entries bigint NOT NULL DEFAULT 0;
