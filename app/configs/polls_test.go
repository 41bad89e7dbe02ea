package configs_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/configuration"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// waits has callers wait until one is refused, at most n of them.
func waits(w *composetest.World, p tenancy.Principal, address string, n int) (leave []func(), err error) {
	for range n {
		left, err := w.Configs.Enter(p, netip.MustParseAddr(address))
		if err != nil {
			return leave, err
		}
		leave = append(leave, left)
	}
	return leave, nil
}

// Nobody who waits keeps the others from it: not a caller his environment, nor an environment another.
func TestWhoWaitsLeavesRoom(t *testing.T) {
	const most = 100
	w := composetest.New(t).Replica(func(p *compose.Ports) {
		p.Limits.WaitingPolls, p.Limits.PlayerPolls, p.Limits.AddressPolls = most, 3, 10
	})
	w.Project(t, "game")
	client, server := w.Caller(t, here, tenancy.PublishableKey), w.Caller(t, here, tenancy.ServerToken)
	production := operators.Place{Project: "game", Environment: "production"}
	theirs := w.Caller(t, production, tenancy.ServerToken)
	demand := func(what string, left []func(), err, wanted error, n int) {
		t.Helper()
		if !errors.Is(err, wanted) || len(left) != n {
			t.Errorf("%s: %d wait, then %v; want %d", what, len(left), err, n)
		}
	}
	var all []func()
	for i := range 2 {
		left, err := waits(w, w.Enter(t, w.Guest(t, client).AccessToken), "192.0.2.1", most)
		demand("a player", left, err, configuration.ErrManyPolls, 3)
		all = append(all, left...)
		left, err = waits(w, client, fmt.Sprintf("2001:db8:0:%d::1", i), most)
		demand("an address", left, err, configuration.ErrManyPolls, 10)
		all = append(all, left...)
		left, err = waits(w, client, fmt.Sprintf("2001:db8:0:%d::2", i), most)
		demand("another of the same network", left, err, configuration.ErrManyPolls, 0)
		all = append(all, left...)
	}
	left, err := waits(w, server, "192.0.2.1", most)
	demand("all the rest of an environment", left, err, configuration.ErrTooManyWaiting, 81-len(all))
	all = append(all, left...)
	left, err = waits(w, theirs, "192.0.2.1", most)
	demand("another environment", left, err, configuration.ErrTooManyWaiting, 16)
	all = append(all, left...)
	if polls := w.Configs.Polls(); polls.Waiting != len(all) || polls.Refused != 8 {
		t.Errorf("%+v, want %d", polls, len(all))
	}
	for _, leave := range all {
		leave()
	}
	if polls := w.Configs.Polls(); polls.Waiting != 0 {
		t.Errorf("%+v when all have left", polls)
	}
	left, err = waits(w, theirs, "192.0.2.1", most)
	demand("another environment, alone", left, err, configuration.ErrTooManyWaiting, 81)
}
