package documents_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// racing is a store in which another writer makes the document between our look
// and our write, once. SQLite lets one writer in at a time, so it can't happen there.
type racing struct {
	datastore.Datastore
	raced atomic.Bool
}

func (r *racing) InTx(ctx context.Context, fn func(context.Context, datastore.Repos) error) error {
	return r.Datastore.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error { return fn(ctx, racingRepos{tx, r}) })
}

type racingRepos struct {
	datastore.Repos
	race *racing
}

func (r racingRepos) Documents() storage.Documents {
	return racingDocuments{r.Repos.Documents(), r.race}
}

type racingDocuments struct {
	storage.Documents
	race *racing
}

func (d racingDocuments) LockMany(ctx context.Context, scope tenancy.Scope, refs []storage.Ref) ([]storage.Document, error) {
	if !d.race.raced.Swap(true) {
		return nil, nil
	}
	return d.Documents.LockMany(ctx, scope, refs)
}

func TestWhoLosesTheRaceToMakeADocumentWritesOverIt(t *testing.T) {
	g := newGame(t)
	ref := own(g.ada, "slot1")
	if _, _, err := g.put(g.ada, ref, `{"by":"the first"}`, storage.Precondition{}); err != nil {
		t.Fatal(err)
	}
	loser := game{World: g.Replica(func(p *compose.Ports) { p.Store = &racing{Datastore: p.Store} })}
	d, created, err := loser.put(g.ada, ref, `{"by":"the second"}`, storage.Precondition{})
	if err != nil || created || d.Version != 2 {
		t.Errorf("%+v, %t, %v", d, created, err)
	}
}
