package datastoretest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var projectTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		p := tenancy.Project{ID: tenancy.ProjectID(newID()), Slug: "tetris", Name: `Те́трис "?" 'quoted' \ 😀`, CreatedAt: start}
		must(t, w.Projects().Create(w.ctx, p))
		same(t, "by id", get[tenancy.Project](t)(w.Projects().Get(w.ctx, p.ID)), p)
		same(t, "by slug", get[tenancy.Project](t)(w.Projects().BySlug(w.ctx, "tetris")), p)
	},
	"not found": func(t *testing.T, w *world) {
		fails(t, "get", second(w.Projects().Get(w.ctx, "nobody")), tenancy.ErrProjectNotFound)
		fails(t, "get nothing", second(w.Projects().Get(w.ctx, "")), tenancy.ErrProjectNotFound)
		fails(t, "by slug", second(w.Projects().BySlug(w.ctx, "GAME")), tenancy.ErrProjectNotFound)
		fails(t, "delete", w.Projects().Delete(w.ctx, "nobody", start), tenancy.ErrProjectNotFound)
	},
	"slugs are unique": func(t *testing.T, w *world) {
		p := project("game")
		fails(t, "create", w.Projects().Create(w.ctx, p), tenancy.ErrSlugTaken)
		fails(t, "get what was refused", second(w.Projects().Get(w.ctx, p.ID)), tenancy.ErrProjectNotFound)
	},
	"an id taken is a bug, not a slug taken": func(t *testing.T, w *world) {
		p := project("fresh")
		p.ID = w.home.ProjectID
		if err := w.Projects().Create(w.ctx, p); err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("got %v", err)
		}
	},
	"list": func(t *testing.T, w *world) {
		slug := func(p tenancy.Project) string { return p.Slug }
		for _, s := range []string{"c", "a", "b-1", "b"} {
			must(t, w.Projects().Create(w.ctx, project(s)))
		}
		for _, c := range []struct {
			after string
			limit int
			want  string
		}{
			{"", 100, "a b b-1 c game other-game"}, {"", 2, "a b"}, {"b", 2, "b-1 c"}, {"aaa", 1, "b"}, {"other-game", 5, ""}, {"", 0, ""}, {"", -1, ""},
		} {
			got := get[[]tenancy.Project](t)(w.Projects().List(w.ctx, c.after, c.limit))
			if got == nil || joined(got, slug) != c.want {
				t.Errorf("after %q limit %d: got %q, want %q", c.after, c.limit, joined(got, slug), c.want)
			}
		}
	},
	"what is deleted is found no more, and its slug is free": func(t *testing.T, w *world) {
		leave := populate(t, w, w.home)
		own := credential(tenancy.Environment{ProjectID: w.home.ProjectID})
		must(t, w.Credentials().Create(w.ctx, own))
		must(t, w.Environments().Delete(w.ctx, w.away.ID, start))
		must(t, w.Projects().Delete(w.ctx, w.home.ProjectID, later(time.Hour)))
		fails(t, "by id", second(w.Projects().Get(w.ctx, w.home.ProjectID)), tenancy.ErrProjectNotFound)
		fails(t, "by slug", second(w.Projects().BySlug(w.ctx, "game")), tenancy.ErrProjectNotFound)
		if left := get[[]tenancy.Project](t)(w.Projects().List(w.ctx, "", 10)); len(left) != 1 || left[0].Slug != "other-game" {
			t.Errorf("list: %+v", left)
		}
		fails(t, "again", w.Projects().Delete(w.ctx, w.home.ProjectID, later(time.Hour)), tenancy.ErrProjectNotFound)
		fails(t, "its environment", second(w.Environments().Get(w.ctx, w.home.ID)), tenancy.ErrEnvironmentNotFound)
		for _, hash := range [][32]byte{own.Hash, leave.credential.Hash} {
			fails(t, "credential", second(w.Credentials().ByHash(w.ctx, hash)), tenancy.ErrCredentialNotFound)
		}
		fails(t, "new credential", w.Credentials().Create(w.ctx, credential(tenancy.Environment{ProjectID: w.home.ProjectID})), tenancy.ErrProjectNotFound)
		fails(t, "new environment", w.Environments().Create(w.ctx, environment(tenancy.Project{ID: w.home.ProjectID}, "late")), tenancy.ErrProjectNotFound)
		going := get[[]tenancy.Project](t)(w.Projects().Deleted(w.ctx, "", 10))
		if len(going) != 1 || going[0].ID != w.home.ProjectID || going[0].Slug != "game" || !going[0].DeletedAt.Equal(later(time.Hour)) {
			t.Errorf("deleted: %+v", going)
		}
		same(t, "deleted after it", get[[]tenancy.Project](t)(w.Projects().Deleted(w.ctx, w.home.ProjectID, 10)), []tenancy.Project{})
		inside := get[[]tenancy.Environment](t)(w.Environments().Deleted(w.ctx, "", 10))
		if len(inside) != 2 || !inside[0].DeletedAt.Equal(later(time.Hour)) || !inside[1].DeletedAt.Equal(start) {
			t.Errorf("deleted environments: %+v", inside)
		}
		must(t, w.Projects().Create(w.ctx, project("game")))
	},
	"a purge takes everything along but audit events": func(t *testing.T, w *world) {
		leave := populate(t, w, w.home)
		for range 5 {
			must(t, w.Credentials().Create(w.ctx, credential(tenancy.Environment{ProjectID: w.home.ProjectID})))
		}
		fails(t, "one that was not deleted", second(w.Projects().Purge(w.ctx, w.home.ProjectID, 2)), tenancy.ErrProjectNotFound)
		must(t, w.Projects().Delete(w.ctx, w.home.ProjectID, start))
		for _, e := range []tenancy.Environment{w.home, w.away} {
			same(t, "while there are environments", get[int](t)(w.Projects().Purge(w.ctx, w.home.ProjectID, 2)), 0)
			w.purged(t, e.ID)
		}
		leave.gone(t, w)
		same(t, "limit 0", get[int](t)(w.Projects().Purge(w.ctx, w.home.ProjectID, 0)), 0)
		for _, want := range []int{2, 2, 1} {
			same(t, "purged", get[int](t)(w.Projects().Purge(w.ctx, w.home.ProjectID, 2)), want)
		}
		fails(t, "once more", second(w.Projects().Purge(w.ctx, w.home.ProjectID, 2)), tenancy.ErrProjectNotFound)
		same(t, "deleted", get[[]tenancy.Project](t)(w.Projects().Deleted(w.ctx, "", 10)), []tenancy.Project{})
		get[tenancy.Environment](t)(w.Environments().Get(w.ctx, w.abroad.ID))
	},
	"times are UTC and exact to the microsecond": func(t *testing.T, w *world) {
		for i, at := range []time.Time{
			time.UnixMicro(1).UTC(), time.UnixMicro(-1).UTC(), time.Unix(0, 0).UTC(),
			time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 1000, time.UTC),
			time.Date(1601, 2, 3, 4, 5, 6, 7000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
			start.In(time.FixedZone("there", -5*3600-1800)),
		} {
			p := project(fmt.Sprintf("t%d", i))
			p.CreatedAt = at
			must(t, w.Projects().Create(w.ctx, p))
			got := get[tenancy.Project](t)(w.Projects().Get(w.ctx, p.ID)).CreatedAt
			if !got.Equal(at) || got.Location() != time.UTC {
				t.Errorf("stored %s, got %s", at, got)
			}
		}
	},
}

var environmentTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		e := w.home
		e.ID, e.Slug, e.Production = tenancy.EnvironmentID(newID()), "full", true
		e.Settings = tenancy.Settings{
			GuestSignIn: false, AccessTokenLifetime: 61 * time.Second, RefreshTokenLifetime: 400 * 24 * time.Hour,
			ClockOffset: -10 * 366 * 24 * time.Hour, CORSOrigins: []string{"https://play.example.com", "*"}, ServerBrowsing: tenancy.BrowsedByAll,
		}
		must(t, w.Environments().Create(w.ctx, e))
		same(t, "by id", get[tenancy.Environment](t)(w.Environments().Get(w.ctx, e.ID)), e)
		same(t, "by slug", get[tenancy.Environment](t)(w.Environments().BySlug(w.ctx, e.ProjectID, "full")), e)
	},
	"no origins is an empty list": func(t *testing.T, w *world) {
		e := w.home
		e.ID, e.Slug, e.Settings.CORSOrigins = tenancy.EnvironmentID(newID()), "bare", nil
		must(t, w.Environments().Create(w.ctx, e))
		if got := get[tenancy.Environment](t)(w.Environments().Get(w.ctx, e.ID)).Settings.CORSOrigins; got == nil || len(got) != 0 {
			t.Errorf("got %#v", got)
		}
	},
	"slugs are unique in a project": func(t *testing.T, w *world) {
		same(t, "home of another project", get[tenancy.Environment](t)(w.Environments().BySlug(w.ctx, w.abroad.ProjectID, "home")), w.abroad)
		e := w.home
		e.ID = tenancy.EnvironmentID(newID())
		fails(t, "create", w.Environments().Create(w.ctx, e), tenancy.ErrSlugTaken)
	},
	"not found": func(t *testing.T, w *world) {
		fails(t, "get", second(w.Environments().Get(w.ctx, "nowhere")), tenancy.ErrEnvironmentNotFound)
		fails(t, "by slug", second(w.Environments().BySlug(w.ctx, w.abroad.ProjectID, "away")), tenancy.ErrEnvironmentNotFound)
		fails(t, "delete", w.Environments().Delete(w.ctx, "nowhere", start), tenancy.ErrEnvironmentNotFound)
		ghost := w.home
		ghost.ID, ghost.Version = "nowhere", 2
		fails(t, "update", w.Environments().Update(w.ctx, ghost), tenancy.ErrEnvironmentNotFound)
		ghost.Slug, ghost.ProjectID = "ghost", "nowhere"
		fails(t, "create without a project", w.Environments().Create(w.ctx, ghost), tenancy.ErrProjectNotFound)
	},
	"list": func(t *testing.T, w *world) {
		slug := func(e tenancy.Environment) string { return e.Slug }
		for _, c := range []struct {
			after string
			limit int
			want  string
		}{{"", 10, "away home"}, {"", 1, "away"}, {"away", 10, "home"}, {"home", 10, ""}, {"", 0, ""}} {
			got := get[[]tenancy.Environment](t)(w.Environments().List(w.ctx, w.home.ProjectID, c.after, c.limit))
			if got == nil || joined(got, slug) != c.want {
				t.Errorf("after %q: got %q, want %q", c.after, joined(got, slug), c.want)
			}
		}
		if got := get[[]tenancy.Environment](t)(w.Environments().List(w.ctx, "nobody", "", 10)); got == nil || len(got) != 0 {
			t.Errorf("of no project: %v", got)
		}
	},
	"all, page by page": func(t *testing.T, w *world) {
		var got []tenancy.Environment
		var after tenancy.EnvironmentID
		for {
			page := get[[]tenancy.Environment](t)(w.Environments().All(w.ctx, after, 2))
			if len(page) == 0 {
				break
			}
			got, after = append(got, page...), page[len(page)-1].ID
		}
		same(t, "all", got, []tenancy.Environment{w.home, w.away, w.abroad})
	},
	"update": func(t *testing.T, w *world) {
		e := w.home
		e.Name, e.Settings.ClockOffset, e.Version = "New", 90*time.Second, 2
		must(t, w.Environments().Update(w.ctx, e))
		same(t, "updated", get[tenancy.Environment](t)(w.Environments().Get(w.ctx, e.ID)), e)
		same(t, "the neighbour", get[tenancy.Environment](t)(w.Environments().Get(w.ctx, w.away.ID)), w.away)

		fails(t, "the same version again", w.Environments().Update(w.ctx, e), tenancy.ErrEnvironmentStale)
		ahead := e
		ahead.Name, ahead.Version = "Ahead", 4
		fails(t, "a version too far", w.Environments().Update(w.ctx, ahead), tenancy.ErrEnvironmentStale)
		same(t, "after refusals", get[tenancy.Environment](t)(w.Environments().Get(w.ctx, e.ID)), e)
	},
	"only name, settings and version change": func(t *testing.T, w *world) {
		e := w.home
		e.Slug, e.Production, e.CreatedAt, e.ProjectID, e.Version = "moved", true, later(time.Hour), w.abroad.ProjectID, 2
		must(t, w.Environments().Update(w.ctx, e))
		want := w.home
		want.Version = 2
		same(t, "updated", get[tenancy.Environment](t)(w.Environments().Get(w.ctx, e.ID)), want)
	},
	"versions to the end of int64": func(t *testing.T, w *world) {
		e := w.home
		e.ID, e.Slug, e.Version = tenancy.EnvironmentID(newID()), "old", math.MaxInt64-1
		must(t, w.Environments().Create(w.ctx, e))
		e.Version = math.MaxInt64
		must(t, w.Environments().Update(w.ctx, e))
		same(t, "updated", get[tenancy.Environment](t)(w.Environments().Get(w.ctx, e.ID)), e)
	},
	"what is deleted is found no more, and its slug is free": func(t *testing.T, w *world) {
		leave, stay := populate(t, w, w.home), populate(t, w, w.away)
		must(t, w.Environments().Delete(w.ctx, w.home.ID, later(time.Hour)))
		fails(t, "by id", second(w.Environments().Get(w.ctx, w.home.ID)), tenancy.ErrEnvironmentNotFound)
		fails(t, "by slug", second(w.Environments().BySlug(w.ctx, w.home.ProjectID, w.home.Slug)), tenancy.ErrEnvironmentNotFound)
		same(t, "list", get[[]tenancy.Environment](t)(w.Environments().List(w.ctx, w.home.ProjectID, "", 10)), []tenancy.Environment{w.away})
		same(t, "all", get[[]tenancy.Environment](t)(w.Environments().All(w.ctx, "", 10)), []tenancy.Environment{w.away, w.abroad})
		fails(t, "again", w.Environments().Delete(w.ctx, w.home.ID, later(time.Hour)), tenancy.ErrEnvironmentNotFound)
		edited := w.home
		edited.Version++
		fails(t, "update", w.Environments().Update(w.ctx, edited), tenancy.ErrEnvironmentNotFound)
		fails(t, "credential", second(w.Credentials().ByHash(w.ctx, leave.credential.Hash)), tenancy.ErrCredentialNotFound)
		fails(t, "new credential", w.Credentials().Create(w.ctx, credential(w.home)), tenancy.ErrEnvironmentNotFound)
		fails(t, "collections' version", second(w.Collections().Version(w.ctx, w.here())), tenancy.ErrEnvironmentNotFound)
		fails(t, "collections' next version", second(w.Collections().NextVersion(w.ctx, w.here())), tenancy.ErrEnvironmentNotFound)
		fails(t, "configs' version", second(w.Configs().Version(w.ctx, w.here())), tenancy.ErrEnvironmentNotFound)
		fails(t, "configs' next version", second(w.Configs().NextVersion(w.ctx, w.here())), tenancy.ErrEnvironmentNotFound)
		get[tenancy.Credential](t)(w.Credentials().ByHash(w.ctx, stay.credential.Hash))

		going := w.home
		going.DeletedAt = later(time.Hour)
		same(t, "deleted", get[[]tenancy.Environment](t)(w.Environments().Deleted(w.ctx, "", 10)), []tenancy.Environment{going})
		same(t, "deleted after it", get[[]tenancy.Environment](t)(w.Environments().Deleted(w.ctx, w.home.ID, 10)), []tenancy.Environment{})
		anew := environment(tenancy.Project{ID: w.home.ProjectID}, w.home.Slug)
		must(t, w.Environments().Create(w.ctx, anew))
		same(t, "made anew", get[tenancy.Environment](t)(w.Environments().BySlug(w.ctx, w.home.ProjectID, w.home.Slug)), anew)
		must(t, w.Environments().Delete(w.ctx, anew.ID, later(2*time.Hour)))
	},
	"a purge takes everything along but audit events": func(t *testing.T, w *world) {
		leave, stay := populate(t, w, w.home), populate(t, w, w.away)
		fails(t, "one that was not deleted", third(w.Environments().Purge(w.ctx, w.home.ID, 0, 10)), tenancy.ErrEnvironmentNotFound)
		w.removed(t, w.home.ID)
		fails(t, "environment", second(w.Environments().Get(w.ctx, w.home.ID)), tenancy.ErrEnvironmentNotFound)
		leave.gone(t, w)
		same(t, "deleted", get[[]tenancy.Environment](t)(w.Environments().Deleted(w.ctx, "", 10)), []tenancy.Environment{})
		fails(t, "once more", third(w.Environments().Purge(w.ctx, w.home.ID, 0, 10)), tenancy.ErrEnvironmentNotFound)
		get[identity.Player](t)(w.Players().Get(w.ctx, stay.scope, stay.player.ID))
		same(t, "document", get[storage.Document](t)(getOne(w.ctx, w, stay.scope, stay.document.Ref)), stay.document)
	},
	"a purge deletes so many rows at a time": func(t *testing.T, w *world) {
		b := populate(t, w, w.home)
		for range 6 {
			p := w.player(t, w.here())
			must(t, writeOne(w.ctx, w, w.here(), document(string(p.ID), "saves", "slot-1", 1)))
		}
		must(t, w.Environments().Delete(w.ctx, w.home.ID, start))
		same(t, "limit 0", purge(t, w, w.home.ID, 3, 0), [2]int{3, 0})
		calls, rows := 0, 0
		for step := 0; step != tenancy.Purged; calls++ {
			at := purge(t, w, w.home.ID, step, 3)
			if at[1] > 3 {
				t.Fatalf("step %d deleted %d rows, want 3 at most", step, at[1])
			}
			step, rows = at[0], rows+at[1]
		}
		if rows < 30 || calls < rows/3 {
			t.Errorf("%d rows went in %d calls", rows, calls)
		}
		b.gone(t, w)
	},
	"what was put in meanwhile goes as well": func(t *testing.T, w *world) {
		b := populate(t, w, w.home)
		must(t, w.Environments().Delete(w.ctx, w.home.ID, start))
		step, late := 0, 5
		for calls := 0; step != tenancy.Purged; calls++ {
			at := purge(t, w, w.home.ID, step, 2)
			if at[0] == step && at[1] == 0 {
				t.Fatalf("step %d stays as it is", step)
			}
			step = at[0]
			if step >= 0 && calls%7 == 6 && late > 0 {
				late--
				for range 3 {
					p := w.player(t, w.here())
					must(t, writeOne(w.ctx, w, w.here(), document(string(p.ID), "saves", "slot-1", 1)))
				}
			}
		}
		same(t, "writes between", late, 0)
		b.gone(t, w)
	},
	"nothing can be made in one that is gone": func(t *testing.T, w *world) {
		w.removed(t, w.home.ID)
		p := player()
		fails(t, "player", w.Players().Create(w.ctx, w.here(), identity.Newcomer{Player: p, Login: login(p)}), tenancy.ErrEnvironmentNotFound)
		fails(t, "document", writeOne(w.ctx, w, w.here(), document(string(p.ID), "a", "b", 1)), tenancy.ErrEnvironmentNotFound)
		fails(t, "signing key", w.SigningKeys().Save(w.ctx, w.here(), signingKeys(1)), tenancy.ErrEnvironmentNotFound)
		fails(t, "credential", w.Credentials().Create(w.ctx, credential(w.home)), tenancy.ErrEnvironmentNotFound)
	},
}

// purge gives the next step and how many rows were deleted.
func purge(t *testing.T, w *world, id tenancy.EnvironmentID, step, limit int) [2]int {
	t.Helper()
	next, deleted, err := w.Environments().Purge(w.ctx, id, step, limit)
	must(t, err)
	return [2]int{next, deleted}
}

// removed deletes an environment, and all that is in it.
func (w *world) removed(t *testing.T, id tenancy.EnvironmentID) {
	t.Helper()
	must(t, w.Environments().Delete(w.ctx, id, start))
	w.purged(t, id)
}

// purged deletes all that is in a deleted environment.
func (w *world) purged(t *testing.T, id tenancy.EnvironmentID) {
	t.Helper()
	for step := 0; step != tenancy.Purged; {
		step = purge(t, w, id, step, 10)[0]
	}
}
