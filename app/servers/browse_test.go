package servers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/domain/registry"
)

// Pages, one after another, are what a filter lets through of the living, in order.
func TestPagesAreAsIfFilteredAndSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_000, 0)
		p := &picture{answers: newAnswers()}
		words := rapid.SampledFrom([]string{"", "a", "b", "Ab"})
		tags := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 2)
		for i := range rapid.IntRange(0, 40).Draw(t, "servers") {
			p.shown = append(p.shown, registry.Show(registry.Server{
				ID: registry.ServerID(fmt.Sprintf("s%02d", i)), State: registry.Ready, Players: rapid.IntRange(0, 3).Draw(t, "players"),
				Announcement: registry.Announcement{MaxPlayers: 4, Name: words.Draw(t, "name"), Region: words.Draw(t, "region"), Tags: tags.Draw(t, "tags")},
				RegisteredAt: time.Unix(rapid.Int64Range(0, 3).Draw(t, "registered"), 0), ExpiresAt: time.Unix(rapid.Int64Range(999, 1_003).Draw(t, "expires"), 0),
			}, time.Unix(999, 0)))
		}
		for range 4 {
			q := Query{Sort: rapid.SampledFrom(registry.Sorts()).Draw(t, "sort"), Limit: rapid.IntRange(1, 10).Draw(t, "limit"), Filter: registry.Filter{
				Region: words.Draw(t, "of region"), NameContains: words.Draw(t, "named"), MinFree: rapid.IntRange(0, 4).Draw(t, "free"),
				AnyTags: tags.Draw(t, "any"), NotEmpty: rapid.Bool().Draw(t, "not empty"),
			}.Normal()}
			var want, got []registry.Position
			for i := range p.shown {
				if s := &p.shown[i]; s.Alive(now) && q.Filter.Lets(s) {
					want = append(want, q.Sort.At(s))
				}
			}
			slices.SortFunc(want, q.Sort.Compare)
			for {
				page, err := p.page(t.Context(), q, now, &gallery{})
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range page.Servers {
					got = append(got, q.Sort.At(s))
				}
				if more := len(got) < len(want); more != (page.Next != nil) || more && len(page.Servers) != q.Limit {
					t.Fatalf("%d of %d, and next is %v", len(got), len(want), page.Next)
				}
				if q.After = page.Next; q.After == nil {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%+v: %v, want %v", q, got, want)
			}
		}
	})
}
