package datastore

import (
	"context"

	"github.com/overworldhq/overworld/domain/fault"
)

// ServerLocker is what a Datastore that is Exclusive also implements, so that a
// second server process is refused while the CLI's commands may still come in.
type ServerLocker interface {
	// LockServer claims the data for this server process until unlock, or until
	// the process ends, however it ends. It does not wait: ErrInUse when
	// another server has it.
	LockServer(ctx context.Context) (unlock func() error, err error)
}

// ErrInUse refuses a second server process.
var ErrInUse = fault.New(fault.Unavailable, "datastore.in_use", "Another server process uses this data; stop it first, or give this one a database of its own.")
