package sqlstore_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/overworldhq/overworld/adapters/sqlstore"
)

// TestAPurgeKnowsEveryTable compares the tables that are purged with the schema: each that has an environment is one
// of them, and comes before those it refers to.
func TestAPurgeKnowsEveryTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "purge.db")
	migrated(t, "sqlite://"+path)
	db := connect(t, "sqlite", path)
	column := func(query string, arguments ...any) []string {
		t.Helper()
		rows, err := db.QueryContext(t.Context(), query, arguments...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var found []string
		for rows.Next() {
			var one string
			if err := rows.Scan(&one); err != nil {
				t.Fatal(err)
			}
			found = append(found, one)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return found
	}
	purged := sqlstore.Contents()
	tables := column(`SELECT t.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND c.name = 'environment_id' AND t.name <> 'audit_events' ORDER BY t.name`)
	if sorted := slices.Sorted(slices.Values(purged)); !slices.Equal(sorted, tables) {
		t.Errorf("purged are %q,\n      there are %q", sorted, tables)
	}
	for i, table := range purged {
		for _, parent := range column(`SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)`, table) {
			if slices.Contains(purged[:i], parent) {
				t.Errorf("%s is purged before %s, which refers to it", parent, table)
			}
		}
	}
}
