package access_test

import (
	"context"
	"testing"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/revocation"
)

// A session may begin while all of them are being ended. What commits is only
// what was blocked before.
func TestNoSessionIsEndedUnblocked(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	client := w.Caller(t, operators.Place{Project: "game", Environment: "development"}, tenancy.PublishableKey)
	grants := []identity.SessionID{w.Guest(t, client).Session, w.Guest(t, client).Session}
	scope, memory := client.Scope(), w.Ports.Revocations
	rounds := 0
	err := access.NewRevoker(w.Ports.Store, memory, w.Clock, w.Ports.Limits).RevokeSessions(t.Context(), scope, func(ctx context.Context, tx datastore.Repos) ([]identity.SessionID, error) {
		rounds++
		return grants[:min(rounds, len(grants))], nil
	})
	if err != nil || rounds != 3 {
		t.Fatalf("%d rounds, %v", rounds, err)
	}
	for _, id := range grants {
		verdict, claim, err := memory.Look(t.Context(), access.SessionKey(scope, id))
		if verdict != revocation.Unknown || claim != "" || err != nil {
			t.Errorf("%s is not blocked: %v %q %v", id, verdict, claim, err)
		}
	}
}
