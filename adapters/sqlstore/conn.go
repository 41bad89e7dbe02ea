package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// conn is a way to the database: its pools, or one transaction. Every statement
// of every repository goes through query or exec, so that being closed, lost
// connections, retries and the words for errors are each decided once.
type conn struct {
	shared      *shared
	read, write bun.IDB
	inTx        bool
}

// query runs a statement that changes nothing. Outside a transaction do may run
// again, because a connection can turn out to be dead only when it is used.
func (c conn) query(ctx context.Context, what string, do func(db bun.IDB) error) error {
	return c.run(ctx, what, c.read, true, do)
}

// exec runs one statement that changes something. Outside a transaction do runs
// again only when the database said that nothing was done.
func (c conn) exec(ctx context.Context, what string, do func(db bun.IDB) error) error {
	return c.run(ctx, what, c.write, false, do)
}

// atomically runs several statements as one: in the transaction that c is, or in
// one of its own.
func (c conn) atomically(ctx context.Context, what string, do func(db bun.IDB) error) error {
	if c.inTx {
		return c.exec(ctx, what, do)
	}
	return c.transact(ctx, func(ctx context.Context, tx conn) error { return tx.exec(ctx, what, do) })
}

func (c conn) run(ctx context.Context, what string, db bun.IDB, repeatable bool, do func(db bun.IDB) error) error {
	for attempt := 0; ; attempt++ {
		if c.shared.closed.Load() {
			return fmt.Errorf("%s: %w", what, datastore.ErrClosed)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		_, span := c.shared.begin(ctx, what)
		err := do(db)
		c.shared.end(span, err)
		if err == nil {
			return nil
		}
		if c.inTx || !c.shared.again(ctx, err, attempt, repeatable) {
			return fmt.Errorf("%s: %w", what, c.shared.translate(ctx, err))
		}
	}
}

// translate gives an engine's error the words of the port. Faults stay as they are.
func (s *shared) translate(ctx context.Context, err error) error {
	var known *fault.Fault
	if errors.As(err, &known) {
		return err
	}
	if s.closed.Load() {
		return datastore.ErrClosed.Because(err)
	}
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	switch s.engine.Classify(err).Class {
	case Contention:
		return datastore.ErrContention.Because(err)
	case Lost, Away:
		return fault.ErrUnavailable.Because(err)
	case Refused:
		return fault.ErrUnavailable.Because(fmt.Errorf("%w: %w", datastore.ErrRefused, err))
	case ReadOnly:
		return fault.ErrUnavailable.Because(fmt.Errorf("%w: %w", datastore.ErrReadOnly, err))
	case Damaged:
		return fmt.Errorf("%w: %w", datastore.ErrDamaged, err)
	case NoTable:
		return datastore.ErrSchema.Because(err)
	}
	return err
}

// duplicate gives the fault instead of err when err says that a row ran into the constraint.
func (c conn) duplicate(err error, constraint string, instead *fault.Fault) error {
	if v := c.shared.engine.Classify(err); v.Class == UniqueViolation && v.Constraint == constraint {
		return instead.Because(err)
	}
	return err
}

// orphan gives the fault instead of err when err says that what the row belongs to is not there.
func (c conn) orphan(err error, instead *fault.Fault) error {
	if c.shared.engine.Classify(err).Class == ForeignKeyViolation {
		return instead.Because(err)
	}
	return err
}

// lock makes a select keep other writers of its rows out until the transaction
// ends. Outside a transaction there is nothing to hold it.
func (c conn) lock(q *bun.SelectQuery) *bun.SelectQuery {
	if c.locking() {
		return q.For("UPDATE")
	}
	return q
}

func (c conn) locking() bool { return c.inTx && c.shared.engine.RowLocks }

// missing gives the fault instead of sql.ErrNoRows.
func missing(err error, instead *fault.Fault) error {
	if errors.Is(err, sql.ErrNoRows) {
		return instead
	}
	return err
}

// changed gives the fault instead of success when no row was changed.
func changed(result sql.Result, err error, otherwise *fault.Fault) error {
	return changedAll(1, result, err, otherwise)
}

// changedAll gives the fault instead of success when fewer rows were changed.
func changedAll(rows int, result sql.Result, err error, otherwise *fault.Fault) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n < int64(rows) {
		return otherwise
	}
	return err
}

// errNoScope ends a call that forgot whose data it means.
var errNoScope = errors.New("a repository was called without a scope")

// within is the environment of a scope, or an error if the scope leads nowhere.
func within(scope tenancy.Scope) (ident, error) {
	if scope.IsZero() {
		return "", errNoScope
	}
	return ident(scope.Environment()), nil
}
