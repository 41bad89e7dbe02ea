package sqlstore_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/tests/servers"
)

// TestListsWalkOverNothingThatTheyLeaveOut lists among thousands of documents that are deleted, or not the
// reader's to see, and of sessions that have ended, and looks at what that takes: on PostgreSQL at the pages that were touched, before the
// tables were analyzed and after; on SQLite, which tells of no such thing, at the columns it searches by.
func TestListsWalkOverNothingThatTheyLeaveOut(t *testing.T) {
	const limit = 10
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "walk.db")
		store, scope := crowded(t, "sqlite://"+path)
		db := connect(t, "sqlite", path)
		searches := regexp.MustCompile(`USING INDEX (?:documents_live_idx \(environment_id=\? AND owner=\? AND read_access=\?|documents_collection_idx \(environment_id=\? AND collection=\?|sessions_live_idx \(environment_id=\? AND player_id=\?)`)
		for name, query := range lists(t, store, scope, limit) {
			plan := planOf(t, db, "EXPLAIN QUERY PLAN "+query)
			if strings.Contains(plan, "TEMP B-TREE") || len(searches.FindAllString(plan, -1)) != strings.Count(plan, "SEARCH")+strings.Count(plan, "SCAN") {
				t.Errorf("%s: %s\n%s", name, query, plan)
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		address := servers.Postgres(t)
		store, scope := crowded(t, address)
		db := connect(t, "pgx", address)
		touched := regexp.MustCompile(`Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?`)
		for _, known := range []string{"never analyzed", "analyzed"} {
			for name, query := range lists(t, store, scope, limit) {
				plan := planOf(t, db, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) "+query)
				pages := 0
				for _, of := range touched.FindStringSubmatch(plan)[1:] { // the first line is that of the whole
					n, _ := strconv.Atoi("0" + of)
					pages += n
				}
				if pages > 10*limit {
					t.Errorf("%s, %s: %d pages for %d: %s\n%s", name, known, pages, limit, query, plan)
				}
			}
			if _, err := db.ExecContext(t.Context(), "ANALYZE documents, sessions"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// crowded makes a store in which what is left out is most of what there is, and lies before the rest.
func crowded(t *testing.T, address string) (datastore.Datastore, tenancy.Scope) {
	t.Helper()
	store := migrated(t, address)
	environment := tenancy.Environment{ID: "environment", ProjectID: "project", Slug: "development", CreatedAt: time.Unix(0, 0)}
	if err := store.Projects().Create(t.Context(), tenancy.Project{ID: "project", Slug: "game", CreatedAt: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := store.Environments().Create(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []storage.Owner{storage.Shared, "player"} {
		for _, kind := range []string{"a-deleted", "b-unreadable", "c-seen"} {
			n := 3000
			if kind == "c-seen" {
				n = 100
			}
			for _, collection := range []string{"matches", "other"} {
				writes := make([]storage.Write, n)
				for i := range writes {
					d := storage.Document{
						Ref: storage.Ref{Owner: owner, Collection: collection, Key: fmt.Sprintf("%s-%04d", kind, i)}, Version: 1,
						Value: []byte(`{}`), Read: storage.Public, Write: storage.ServerOnly, CreatedAt: time.Unix(0, 0), UpdatedAt: time.Unix(0, 0),
					}
					switch kind {
					case "a-deleted":
						d.Value, d.Deleted = nil, true
					case "b-unreadable":
						d.Read = storage.ServerOnly
					}
					writes[i] = storage.Write{Document: d}
				}
				for len(writes) > 0 {
					some := min(500, len(writes))
					if err := store.Documents().WriteMany(t.Context(), environment.Scope(), writes[:some]); err != nil {
						t.Fatal(err)
					}
					writes = writes[some:]
				}
			}
		}
	}
	player := identity.NewPlayer("player", time.Unix(0, 0))
	login := identity.Login{Method: identity.Guest, Player: player.ID, CreatedAt: time.Unix(0, 0)}
	if err := store.Players().Create(t.Context(), environment.Scope(), identity.Newcomer{Player: player, Login: login}); err != nil {
		t.Fatal(err)
	}
	sessions := make([]identity.Session, 3000)
	for i := range sessions {
		sessions[i] = identity.NewSession(identity.SessionID(fmt.Sprintf("session-%04d", i)), player.ID, time.Unix(0, 0), time.Hour)
		if i >= 20 {
			sessions[i] = sessions[i].Revoked(identity.LoggedOut, time.Unix(1, 0))
		}
	}
	if err := store.Sessions().Create(t.Context(), environment.Scope(), sessions...); err != nil {
		t.Fatal(err)
	}
	return store, environment.Scope()
}

// lists gives the statement of each kind of list.
func lists(t *testing.T, store datastore.Datastore, scope tenancy.Scope, limit int) map[string]string {
	t.Helper()
	var seen statements
	store.(interface{ OnQuery(func(string)) }).OnQuery(seen.note)
	queries := map[string]string{}
	count := func(name string, found int, err error) {
		t.Helper()
		if err != nil || found != limit {
			t.Fatalf("%s: %d, %v", name, found, err)
		}
		seen.mu.Lock()
		defer seen.mu.Unlock()
		for query := range maps.Values(seen.kinds) {
			queries[name] = query
		}
		clear(seen.kinds)
	}
	note := func(name string, found []storage.Document, err error) {
		t.Helper()
		count(name, len(found), err)
	}
	whose := map[string][]storage.Access{
		"a stranger": {storage.Public}, "the player": {storage.OwnerOnly, storage.Public}, "a server": storage.AllAccess(),
	}
	for who, reads := range whose {
		for _, owner := range []storage.Owner{storage.Shared, "player"} {
			base := storage.Query{Owner: owner, Reads: reads, Limit: limit}
			all, one, prefix, next, after := base, base, base, base, base
			one.Collection, prefix.Collection, prefix.Prefix, after.Collection = "matches", "matches", "c-", "matches"
			next.After.Collection, next.After.Key = "matches", "c-seen-0095"
			after.After.Collection, after.After.Key = "matches", "c-seen-0050"
			for shape, query := range map[string]storage.Query{"all": all, "one collection": one, "a prefix": prefix, "the next page": next, "the next of one collection": after} {
				found, err := store.Documents().List(t.Context(), scope, query)
				note(fmt.Sprintf("%s of %s's for %s", shape, owner, who), found, err)
			}
		}
	}
	every := storage.CollectionQuery{Collection: "matches", Limit: limit}
	found, err := store.Documents().ListAll(t.Context(), scope, every)
	note("a collection, whoever owns it", found, err)
	every.After.Owner, every.After.Key = "", "c-seen-0095"
	found, err = store.Documents().ListAll(t.Context(), scope, every)
	note("its next page", found, err)
	live, err := store.Sessions().List(t.Context(), scope, identity.SessionQuery{Player: "player", LiveAt: time.Unix(2, 0), Limit: limit})
	count("live sessions", len(live), err)
	surplus, err := store.Sessions().Surplus(t.Context(), scope, []identity.PlayerID{"player"}, time.Unix(2, 0), limit, 100)
	count("surplus sessions", len(surplus), err)
	return queries
}
