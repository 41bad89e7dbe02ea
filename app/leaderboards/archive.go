package leaderboards

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/ranking"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

const (
	// archivePage is how many entries are read at a time.
	archivePage = 1000
	// ArchiveType is the content type of archives.
	ArchiveType = "application/gzip"
)

// Archived is an archive that the object store has.
type Archived struct {
	ranking.Archive
	key string
}

// archiveKey names the object of an archive by what is in it, so that who makes it
// again makes the same.
func archiveKey(at place, number int, archive ranking.Archive) string {
	return custody.Archives + string(at.scope.Environment()) + "/" + string(at.board) + "/" + strconv.Itoa(number) + "/" + archive.SHA256()
}

// archivedEntry is a line of an archive.
type archivedEntry struct {
	Rank       int64             `json:"rank"`
	Player     identity.PlayerID `json:"player"`
	Score      int64             `json:"score"`
	Subscore   int64             `json:"subscore"`
	AchievedAt time.Time         `json:"achieved_at"`
	Metadata   json.RawMessage   `json:"metadata,omitempty"`
}

// Archive puts the standings of the frozen seasons of an environment into the object store.
// It may be cut off and done again, and goes on with the others where it fails at one.
func (u *UseCases) Archive(ctx context.Context, environment tenancy.Environment, inTx InTx) error {
	return u.eachEnded(ctx, environment, func(ctx context.Context, season ranking.Season) error {
		if season.State != ranking.Closed {
			return nil
		}
		at := place{environment.Scope(), season.Board}
		archive, err := u.put(ctx, at, season)
		if err != nil {
			return err
		}
		err = inTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			if err := tx.Boards().Archive(ctx, at.scope, season.Ref(), archive); err != nil {
				return fmt.Errorf("note archive: %w", err)
			}
			return nil
		})
		u.seasons.Forget(term{at, season.Number})
		return err
	})
}

// put stores a season's standings. They are read twice, as the object's name must be
// known before its content is sent; should a player be deleted between, it fails, and the next turn
// begins again.
func (u *UseCases) put(ctx context.Context, at place, season ranking.Season) (archive ranking.Archive, err error) {
	first := &measure{sum: sha256.New()}
	if archive.Entries, err = u.write(ctx, at.scope, season, first); err != nil {
		return archive, err
	}
	archive.At, archive.Hash, archive.Bytes = u.parts.Clock.Now(), first.hash(), first.written

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	content, sink := io.Pipe()
	over := make(chan struct{})
	go func() {
		defer close(over)
		again := &measure{to: sink, sum: sha256.New()}
		_, err := u.write(ctx, at.scope, season, again)
		if err == nil && again.hash() != archive.Hash {
			err = errors.New("the standings changed meanwhile")
		}
		_ = sink.CloseWithError(err) // which never fails; nil is the end of the content
	}()
	err = u.parts.Blobs.Put(ctx, archiveKey(at, season.Number, archive), content, archive.Bytes, ArchiveType)
	_ = content.Close() // which never fails, and lets the writer go
	cancel()
	<-over
	if err != nil {
		return archive, fmt.Errorf("store archive: %w", err)
	}
	return archive, nil
}

// measure measures and hashes what is written through it.
type measure struct {
	to      io.Writer // nil: nowhere
	sum     hash.Hash
	written int64
}

func (m *measure) Write(p []byte) (int, error) {
	m.sum.Write(p)
	m.written += int64(len(p))
	if m.to == nil {
		return len(p), nil
	}
	return m.to.Write(p)
}

func (m *measure) hash() [sha256.Size]byte { return [sha256.Size]byte(m.sum.Sum(nil)) }

// write writes a season's standings as they are archived, the first place first, and
// tells how many entries that were.
func (u *UseCases) write(ctx context.Context, scope tenancy.Scope, season ranking.Season, to io.Writer) (places int64, err error) {
	packed := gzip.NewWriter(to)
	lines := json.NewEncoder(packed)
	lines.SetEscapeHTML(false)
	var rank int64
	var before ranking.Run
	after := ranking.Cursor{}
	for {
		page, next, err := u.parts.Store.Entries().All(ctx, scope, season.Ref(), after, archivePage)
		if err != nil {
			return places, fmt.Errorf("read entries: %w", err)
		}
		for _, e := range page {
			if !e.Listed() {
				continue
			}
			places++
			if places == 1 || season.Rules.TieBreak != ranking.Shared || e.Run != before {
				rank = places
			}
			before = e.Run
			line := archivedEntry{rank, e.Player, e.Run.Score, e.Run.Subscore, e.AchievedAt, json.RawMessage(e.Metadata)}
			if err := lines.Encode(line); err != nil {
				return places, fmt.Errorf("write archive: %w", err)
			}
		}
		if after = next; len(page) < archivePage {
			break
		}
	}
	if err := packed.Close(); err != nil {
		return places, fmt.Errorf("write archive: %w", err)
	}
	return places, nil
}

// Archived tells of a season's archive; ErrArchiveNotFound while there is none.
func (u *UseCases) Archived(ctx context.Context, scope tenancy.Scope, of ranking.SeasonRef) (Archived, error) {
	season, err := u.parts.Store.Boards().Season(ctx, scope, of.Board, of.Number)
	switch {
	case err != nil:
		return Archived{}, fmt.Errorf("find season: %w", err)
	case season.State != ranking.Archived:
		return Archived{}, ranking.ErrArchiveNotFound
	}
	return Archived{season.Archive, archiveKey(place{scope, of.Board}, of.Number, season.Archive)}, nil
}
