package integration

import (
	"testing"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// scenarios pass on every stack. They share its replicas, and disturb none but themselves.
var scenarios = []struct {
	name string
	run  func(t *testing.T, w world)
}{
	{"a guest signs in, refreshes and logs out", guestLives},
	{"a player signs up, in and anew by e-mail, and links it", emailLives},
	{"a lost refresh reply is given again", lostReply},
	{"a stolen refresh token ends the family", theft},
	{"a session ends on the next request, everywhere", sessionRevocation},
	{"all sessions of a player end on the next request, everywhere", endingAllSessions},
	{"a ban holds on the next request, everywhere", banning},
	{"a key ends on the next request, everywhere", keyRevocation},
	{"a server token keeps to its networks", networks},
	{"documents are for whom they say", documentPermissions},
	{"writers say which state they mean", preconditions},
	{"a version is never used again", versionsNeverReused},
	{"a hundred writers lose no update", hundredWriters},
	{"a reader who has it is told so", conditionalGet},
	{"a list is stable while it grows", stableLists},
	{"int64 is exact and may be a string", exactInt64},
}

func TestScenarios(t *testing.T) {
	for _, kind := range harness.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind.New(t))
			t.Run("running", func(t *testing.T) {
				for _, s := range scenarios {
					t.Run(s.name, func(t *testing.T) {
						t.Parallel()
						s.run(t, w)
					})
				}
			})
			for _, replica := range w.replicas() {
				if faults := replica.Faults(); len(faults) > 0 {
					t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
				}
				replica.Stop()
			}
			w.serve(t)
			t.Run("restarted", func(t *testing.T) {
				for _, check := range w.revived.checks {
					check(t, w)
				}
			})
		})
	}
}
