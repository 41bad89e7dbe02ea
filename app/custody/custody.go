package custody

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/custody"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
)

// What the keys of all objects begin with, but for the installation's.
const (
	Bundles  = "bundles/"
	Archives = "archives/"
)

const (
	// object is where a store tells which installation's it is.
	object = "installation"
	// mostID bounds what is read of it, in bytes.
	mostID = 100
)

// Why a database and an object store are not one installation's.
var (
	ErrOther = errors.New("blobs: the object store is another installation's than the database; is one of the addresses wrong, or one of the two restored from elsewhere? " + adopt)
	ErrGone  = errors.New("blobs: this database has an object store already, and this is not it; is the address wrong, or are the objects not restored yet? " + adopt)
	ErrTaken = errors.New("blobs: the database is new, but the object store has an installation's objects; is the database not restored yet, or one of the addresses wrong? " + adopt)
)

const adopt = "If the two shall belong together from now on: overworld installation adopt"

// Keeper looks after the objects of a store.
type Keeper struct {
	store datastore.Datastore
	blobs blob.Store
	clock clock.Clock
	ids   ids.Source
}

// New makes the keeper of a store's objects.
func New(store datastore.Datastore, blobs blob.Store, clock clock.Clock, ids ids.Source) *Keeper {
	return &Keeper{store, blobs, clock, ids}
}

// Settle finds out whether database and store belong together: ErrOther, ErrGone or ErrTaken when they
// don't. A new database and an empty store do from then on. Many may call it at once.
func (k *Keeper) Settle(ctx context.Context) error {
	if err := k.blobs.Ping(ctx); err != nil { // which may make the bucket
		return fmt.Errorf("reach the object store: %w", err)
	}
	here, err := k.store.Custody().Installation(ctx)
	if err == nil && here.ID == "" {
		here, err = k.begin(ctx)
	}
	if err != nil {
		return err
	}
	// The store is told before the database notes that, and asked after: what isn't there now
	// was taken away.
	told, err := k.told(ctx)
	switch {
	case err != nil:
		return err
	case told == "" && here.Stored:
		return ErrGone
	case told == "":
		return k.tell(ctx, here.ID)
	case told != here.ID:
		return ErrOther
	case here.Stored:
		return nil
	}
	return k.store.Custody().Stored(ctx, here.ID)
}

// begin gives a new database its id, unless the store is somebody's.
func (k *Keeper) begin(ctx context.Context) (custody.Installation, error) {
	told, err := k.told(ctx)
	taken := told != ""
	for _, prefix := range []string{Bundles, Archives} {
		if err != nil || taken {
			break
		}
		var found []blob.Info
		found, err = k.blobs.List(ctx, prefix, "", 1)
		taken = len(found) > 0
	}
	if err != nil {
		return custody.Installation{}, fmt.Errorf("look into the object store: %w", err)
	}
	if !taken {
		return k.store.Custody().Begin(ctx, k.ids.New())
	}
	// It may be another replica's that has begun since the database was asked.
	here, err := k.store.Custody().Installation(ctx)
	if err == nil && here.ID == "" {
		err = ErrTaken
	}
	return here, err
}

// Adopt makes database and store belong together, whatever they were. Another database that had
// the store has it no more.
func (k *Keeper) Adopt(ctx context.Context) error {
	if err := k.blobs.Ping(ctx); err != nil {
		return fmt.Errorf("reach the object store: %w", err)
	}
	id := k.ids.New()
	if err := k.store.Custody().Renew(ctx, id); err != nil {
		return err
	}
	return k.tell(ctx, id)
}

// IDs gives the ids that database and store tell; an empty one is none.
func (k *Keeper) IDs(ctx context.Context) (database, store string, err error) {
	here, err := k.store.Custody().Installation(ctx)
	if err != nil {
		return "", "", err
	}
	store, err = k.told(ctx)
	return here.ID, store, err
}

func (k *Keeper) tell(ctx context.Context, id string) error {
	text := id + "\n"
	if err := k.blobs.Put(ctx, object, strings.NewReader(text), int64(len(text)), "text/plain"); err != nil {
		return fmt.Errorf("store installation: %w", err)
	}
	return k.store.Custody().Stored(ctx, id)
}

func (k *Keeper) told(ctx context.Context) (string, error) {
	stored, err := k.blobs.Get(ctx, object, 0, mostID)
	if errors.Is(err, blob.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open installation: %w", err)
	}
	defer stored.Content.Close()
	text, err := io.ReadAll(stored.Content)
	if err != nil {
		return "", fmt.Errorf("read installation: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
