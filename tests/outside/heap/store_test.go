package heap

import (
	"log/slog"
	"testing"
	"time"

	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/blob/blobtest"
	"github.com/overworldhq/overworld/ports/plugin"
)

type stopped struct{}

func (stopped) Now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		store, err := plugin.NewRegistry(Plugin).Blobs.Open(t.Context(), "heap://", plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: stopped{}})
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}
