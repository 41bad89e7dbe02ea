package datastoretest

import (
	"errors"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/custody"
)

var custodyTests = map[string]func(*testing.T, *world){
	"of those who begin at once one's id is everyone's": func(t *testing.T, w *world) {
		same(t, "none", get[custody.Installation](t)(w.Custody().Installation(w.ctx)), custody.Installation{})
		begun, errs := make([]custody.Installation, 8), make([]error, 8)
		together(len(begun), func(i int) { begun[i], errs[i] = w.Custody().Begin(w.ctx, newID()) })
		must(t, errors.Join(errs...))
		kept := get[custody.Installation](t)(w.Custody().Installation(w.ctx))
		for _, one := range begun {
			if one != kept || one.ID == "" || one.Stored {
				t.Errorf("begun %+v, kept %+v", one, kept)
			}
		}
	},
	"stored is noted of the id that it was": func(t *testing.T, w *world) {
		get[custody.Installation](t)(w.Custody().Begin(w.ctx, "a"))
		must(t, w.Custody().Stored(w.ctx, "b"))
		same(t, "another's", get[custody.Installation](t)(w.Custody().Installation(w.ctx)), custody.Installation{ID: "a"})
		must(t, w.Custody().Stored(w.ctx, "a"))
		same(t, "its own", get[custody.Installation](t)(w.Custody().Begin(w.ctx, "b")), custody.Installation{ID: "a", Stored: true})
		must(t, w.Custody().Renew(w.ctx, "c"))
		same(t, "renewed", get[custody.Installation](t)(w.Custody().Installation(w.ctx)), custody.Installation{ID: "c"})
	},
	"a first id may be a renewed one": func(t *testing.T, w *world) {
		must(t, w.Custody().Renew(w.ctx, "a"))
		same(t, "renewed", get[custody.Installation](t)(w.Custody().Installation(w.ctx)), custody.Installation{ID: "a"})
	},
	"strays keep the time they were noted first": func(t *testing.T, w *world) {
		same(t, "none", get[[]custody.Stray](t)(w.Custody().Strays(w.ctx, "", "", "")), []custody.Stray{})
		must(t, w.Custody().Note(w.ctx, nil, start))
		must(t, w.Custody().Note(w.ctx, []string{"a/2", "a/1"}, start))
		must(t, w.Custody().Note(w.ctx, []string{"a/1", "a/3", "b/1", "a/B"}, later(time.Hour)))
		one, two, three := custody.Stray{Object: "a/1", Since: start}, custody.Stray{Object: "a/2", Since: start}, custody.Stray{Object: "a/3", Since: later(time.Hour)}
		upper, other := custody.Stray{Object: "a/B", Since: later(time.Hour)}, custody.Stray{Object: "b/1", Since: later(time.Hour)}
		strays := func(prefix, after, last string, want ...custody.Stray) {
			t.Helper()
			same(t, prefix+" "+after+" "+last, get[[]custody.Stray](t)(w.Custody().Strays(w.ctx, prefix, after, last)), append([]custody.Stray{}, want...))
		}
		strays("", "", "", one, two, three, upper, other)
		strays("a/", "", "", one, two, three, upper)
		strays("a/", "a/1", "a/3", two, three)
		strays("a/", "a/B", "")
		must(t, w.Custody().Forget(w.ctx, nil))
		must(t, w.Custody().Forget(w.ctx, []string{"a/1", "a/3", "nothing"}))
		strays("a/", "", "", two, upper)
	},
}
