package leaderboards_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"testing"

	"github.com/overworldhq/overworld/adapters/blobstore"
	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/tests/servers"
)

// bucket makes a world on the same database whose objects are in S3.
func (g *game) bucket(t *testing.T) *composetest.World {
	t.Helper()
	store, err := plugin.NewRegistry(blobstore.Plugin).Blobs.Open(t.Context(), servers.S3(t), plugin.Kit{Logger: slog.New(slog.DiscardHandler), Clock: g.Clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return g.Replica(func(p *compose.Ports) { p.Blobs = store })
}

// An object store that has other bytes than were archived is found out, on S3 as in a folder.
func TestADamagedArchiveIsNotHandedOut(t *testing.T) {
	for name, where := range map[string]func(g *game, t *testing.T) *composetest.World{
		"folder": func(g *game, _ *testing.T) *composetest.World { return g.World },
		"s3":     (*game).bucket,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, "", "", 0)
			g.World = where(g, t)
			for board, players := range map[ranking.BoardID]int{"small": 100, "large": 20_000} {
				g.board(board, ranking.Definition{MetadataBytes: 100})
				g.populate(board, players)
				g.ends(board, 1)
				if _, lines := g.archived(board, 1); len(lines) != players {
					t.Fatalf("%d lines", len(lines))
				}
				g.damage(t, board, board == "small")
			}
		})
	}
}

// damage spoils a board's first archive in several ways, each of which must show.
func (g *game) damage(t *testing.T, board ranking.BoardID, small bool) {
	t.Helper()
	found, err := g.Operators.SeasonArchive(t.Context(), g.operator, here, ranking.SeasonRef{Board: board, Number: 1})
	g.must(err)
	prefix := "archives/" + string(g.server.Scope().Environment()) + "/" + string(board) + "/"
	objects, err := g.Ports.Blobs.List(t.Context(), prefix, "", 9)
	g.must(err)
	if len(objects) != 1 || (objects[0].Size <= 256<<10) != small {
		t.Fatalf("objects %+v", objects)
	}
	genuine, err := g.download(t, found, 0, -1)
	g.must(err)
	if part, err := g.download(t, found, 3, 5); err != nil || !bytes.Equal(part, genuine[3:8]) {
		t.Errorf("a part: %x, %v", part, err)
	}
	if part, err := g.download(t, found, found.Bytes-2, 5); err != nil || !bytes.Equal(part, genuine[found.Bytes-2:]) {
		t.Errorf("the last part: %x, %v", part, err)
	}
	put := func(content []byte) {
		t.Helper()
		g.must(g.Ports.Blobs.Put(t.Context(), objects[0].Key, bytes.NewReader(content), int64(len(content)), leaderboards.ArchiveType))
	}
	spoilt := bytes.Clone(genuine)
	spoilt[20] ^= 1
	put(spoilt)
	got, err := g.download(t, found, 0, -1)
	if !errors.Is(err, ranking.ErrArchiveDamaged) || int64(len(got)) >= found.Bytes || small && len(got) > 0 {
		t.Errorf("other bytes: %d, %v", len(got), err)
	}
	if _, err := g.download(t, found, 3, 5); small && !errors.Is(err, ranking.ErrArchiveDamaged) {
		t.Errorf("a part of other bytes: %v", err)
	}
	put(genuine[:found.Bytes-1])
	if _, err := g.download(t, found, 0, -1); !errors.Is(err, ranking.ErrArchiveDamaged) {
		t.Errorf("a shorter one: %v", err)
	}
	g.must(g.Ports.Blobs.Delete(t.Context(), objects[0].Key))
	if _, err := g.download(t, found, 0, -1); !errors.Is(err, ranking.ErrArchiveDamaged) {
		t.Errorf("without one: %v", err)
	}
	put(genuine)
	if got, err := g.download(t, found, 0, -1); err != nil || !bytes.Equal(got, genuine) {
		t.Errorf("brought back: %d, %v", len(got), err)
	}
}

// download reads a part of an archive, as far as it is given.
func (g *game) download(t *testing.T, archived leaderboards.Archived, offset, length int64) ([]byte, error) {
	t.Helper()
	content, err := g.Leaderboards.OpenArchive(t.Context(), archived, offset, length)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(content)
	return got, errors.Join(err, content.Close())
}
