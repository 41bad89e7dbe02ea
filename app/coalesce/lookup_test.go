package coalesce_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overworldhq/overworld/app/coalesce"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var (
	errGone = errors.New("it is not there")
	errAway = errors.New("nobody answers")
)

func TestReadersShareQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		home, away := tenancy.Environment{ID: "home"}.Scope(), tenancy.Environment{ID: "away"}.Scope()
		var queries [][]string
		lookup := coalesce.NewLookup(coalesce.LookupOptions{Missing: errGone, Deadline: time.Second}, func(_ context.Context, scope tenancy.Scope, keys []string) (map[string]string, error) {
			time.Sleep(time.Millisecond) // simulated
			keys = slices.Sorted(slices.Values(keys))
			queries = append(queries, append([]string{string(scope.Environment())}, keys...))
			found := map[string]string{}
			for _, key := range keys {
				switch key {
				case "gone":
				case "bad":
					return nil, errAway
				default:
					found[key] = string(scope.Environment()) + "/" + key
				}
			}
			return found, nil
		})
		var readers sync.WaitGroup
		read := func(scope tenancy.Scope, key, want string, wantErr error) {
			readers.Go(func() {
				if got, err := lookup.Get(t.Context(), scope, key); got != want || !errors.Is(err, wantErr) {
					t.Errorf("%s of %s: got %q, %v", key, scope.Environment(), got, err)
				}
			})
			synctest.Wait()
		}
		read(home, "a", "home/a", nil) // leaves alone, and the others gather
		read(home, "b", "home/b", nil)
		read(home, "b", "home/b", nil)
		read(home, "a", "home/a", nil)
		read(home, "gone", "", errGone)
		read(away, "b", "away/b", nil)
		readers.Wait()
		slices.SortFunc(queries[1:], slices.Compare)
		want := [][]string{{"home", "a"}, {"away", "b"}, {"home", "a", "b", "gone"}}
		if !slices.EqualFunc(queries, want, slices.Equal) {
			t.Errorf("queries of %v, want %v", queries, want)
		}
		read(home, "bad", "", errAway)
		readers.Wait()
		if _, err := lookup.Get(t.Context(), home, "bad"); errors.Is(err, errGone) {
			t.Error("what could not be asked is told to be missing")
		}
	})
}
