-- What the archive of a season is, once archived_at tells that there is one.
ALTER TABLE leaderboard_seasons ADD COLUMN archive_sha256 TEXT NOT NULL DEFAULT ''; -- of its bytes, in hexadecimal
ALTER TABLE leaderboard_seasons ADD COLUMN archive_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE leaderboard_seasons ADD COLUMN archive_entries INTEGER NOT NULL DEFAULT 0;
