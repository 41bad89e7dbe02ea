package sqlstore

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/tenancy"
)

// contents are the tables of what an environment has, each with the rest of a key that begins with the
// environment. A table comes before those it refers to, so that no deletion takes along more than it
// names; and documents before their revisions, which nobody writes but with a document.
var contents = []struct{ table, key string }{
	{"credentials", "id"},
	{"tickets", "hash"},
	{"mails", "id"},
	{"servers", "id"},
	{"config_release_bundles", "hash, config, number"},
	{"config_releases", "config, number"},
	{"configs", "name"},
	{"config_bundles", "hash"},
	{"rewards", "player_id, board_id, season"},
	{"awards", "board_id, season"},
	{"leaderboard_entries", "player_id, board_id, season"},
	{"leaderboard_seasons", "board_id, number"},
	{"leaderboards", "id"},
	{"quarantines", "player_id, board_id"},
	{"documents", "owner, collection, key"},
	{"document_revisions", "owner, collection, key, version"},
	{"collections", "name"},
	{"sessions", "id"},
	{"logins", "method, subject"},
	{"players", "id"},
	{"signing_keys", "id"},
}

func (e environments) Purge(ctx context.Context, id tenancy.EnvironmentID, step, limit int) (next, deleted int, err error) {
	if limit <= 0 {
		return step, 0, nil
	}
	err = e.atomically(ctx, "purge environment", func(db bun.IDB) error {
		next, deleted = step, 0
		var row environmentRow
		q := db.NewSelect().Model(&row).Where("id = ? AND deleted_at IS NOT NULL", ident(id))
		if e.shared.engine.RowLocks {
			q.For("UPDATE") // whoever still knows it waits with what he would put in
		}
		if err := q.Scan(ctx); err != nil {
			return missing(err, tenancy.ErrEnvironmentNotFound)
		}
		for ; next < len(contents); next++ {
			if deleted, err = e.purge(ctx, db, ident(id), next, limit); err != nil || deleted == limit {
				return err
			}
			if deleted > 0 {
				next++
				return nil
			}
		}
		// What was put in since, by somebody who still knew it, is little.
		for late := range contents {
			n, err := e.purge(ctx, db, ident(id), late, limit)
			if err != nil {
				return err
			}
			if deleted += n; n == limit {
				next = late
				return nil
			}
		}
		next = tenancy.Purged
		_, err := db.NewDelete().Model((*environmentRow)(nil)).Where("id = ?", ident(id)).Exec(ctx)
		return err
	})
	return next, deleted, err
}

// purge deletes rows of one table. They are named by a subquery alone, so that a plan made on what tables
// were before has no choice.
func (e environments) purge(ctx context.Context, db bun.IDB, id ident, step, limit int) (int, error) {
	of := contents[step]
	text := "DELETE FROM %[1]s WHERE (environment_id, %[2]s) IN (SELECT environment_id, %[2]s FROM %[1]s WHERE environment_id = ? ORDER BY environment_id, %[2]s LIMIT ?)"
	if e.shared.engine.RowLocks {
		text = "DELETE FROM %[1]s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %[1]s WHERE environment_id = ? ORDER BY environment_id, %[2]s LIMIT ?))"
	}
	result, err := db.NewRaw(fmt.Sprintf(text, of.table, of.key), id, limit).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", of.table, err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}
