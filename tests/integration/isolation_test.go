package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/overworldhq/overworld/adapters/httpapi"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/tests/integration/harness"
)

// place is an environment of a project; without an environment, the whole project.
type place struct{ project, environment string }

func (p place) String() string { return strings.TrimSuffix(p.project+"/"+p.environment, "/") }

// home is where all that the paths name belongs to.
var home = place{"space-race", env}

// caller is a credential and what is known of it.
type caller struct {
	name  string
	token string
	// refused is the code with which the credential itself is refused, with 401; the rest is then empty.
	refused string
	kind    tenancy.Kind
	at      place
	// only, if not empty, is the one permission it has; else it has all of its kind.
	only   tenancy.Permission
	player string // its id
}

func (c caller) may(p tenancy.Permission) bool { return p == "" || c.only == "" || c.only == p }

// answer is what must come back: the status, and the code of a refusal.
type answer struct {
	status int
	code   string
}

func (a answer) String() string { return strings.TrimSpace(fmt.Sprint(a.status, " ", a.code)) }

// isolation is a world with two projects, and all that the cases need.
type isolation struct {
	world
	callers []caller
	owner   caller           // the player whom the paths name
	ids     map[place]string // of the environments
	games   map[place]string // their publishable keys
	bundle  string           // the hash of one of home's
}

// TestIsolation tries every route of the route table with every kind of
// credential from every place, on what belongs to home.
func TestIsolation(t *testing.T) {
	for _, kind := range harness.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			w := newIsolation(t, newWorld(t, kind.New(t)))
			cases := 0
			known := map[string]bool{}
			for _, route := range httpapi.Routes() {
				known[route.OperationID] = true
				s, ok := samples[route.OperationID]
				if !ok {
					t.Errorf("nothing is known of %s %s: add %s to samples", route.Method, route.Path, route.OperationID)
					continue
				}
				for _, c := range w.callers {
					cases += w.try(t, route, s, c)
				}
			}
			for id := range samples {
				if !known[id] {
					t.Errorf("samples has %s, which is no route", id)
				}
			}
			w.unmixed(t)
			if faults := w.first.Faults(); len(faults) > 0 {
				t.Errorf("the log tells of %d faults, the first: %v", len(faults), faults[0])
			}
			fmt.Printf("isolation on %s: %d cases over %d routes and %d credentials\n", kind.Name, cases, len(known), len(w.callers))
			if cases < len(known)*len(w.callers) {
				t.Errorf("%d cases are too few", cases)
			}
		})
	}
}

func newIsolation(t *testing.T, w world) *isolation {
	t.Helper()
	i := &isolation{world: w, ids: map[place]string{}, games: map[place]string{}}
	other := w.stack.Project(t, "puzzle")
	places := []place{home, {"space-race", "staging"}, {"puzzle", env}}
	projects := map[string]harness.Project{"space-race": w.project, "puzzle": other}
	for _, at := range places {
		i.add(t, projects[at.project], at)
	}
	for slug, p := range projects {
		i.callers = append(i.callers, caller{name: "key of all " + slug, token: p.Secret, kind: tenancy.SecretKey, at: place{project: slug}})
	}
	i.strangers(t, projects[home.project])

	// What the paths name.
	server := w.server()
	body := object{"value": object{"by": home.String()}}
	server.Do(t, "PUT", "/v1/players/"+i.owner.player+"/documents/saves/one", body).Want(t, http.StatusCreated)
	server.Do(t, "PUT", "/v1/documents/rules/one", body).Want(t, http.StatusCreated)
	w.operator().Do(t, "POST", "/v1/projects/"+home.project+"/environments/"+home.environment+"/leaderboards", object{"id": homeBoard, "submitters": "player"}).Want(t, http.StatusCreated)
	i.enters(t)
	i.configures(t)
	for at := range i.ids {
		i.first.Client(projects[at.project].Server[at.environment]).
			Do(t, "PUT", "/v1/documents/rules/"+everywhereKey, object{"value": object{"by": at.String()}}).Want(t, http.StatusCreated)
	}
	return i
}

// homeConfig is a config of home that everyone there reads.
const homeConfig = "gameplay"

func (i *isolation) configures(t *testing.T) {
	t.Helper()
	i.bundle = i.release(t, home)
	origin := place{home.project, "staging"} // of what is promoted
	i.release(t, origin)
	for _, at := range []place{home, origin} {
		i.operator().Do(t, "PUT", "/v1/projects/"+at.project+"/environments/"+at.environment+"/configs/"+homeConfig, object{"readers": "public"}).Want(t, http.StatusOK)
	}
}

// release makes one of the config, of a bundle that no other place has.
func (i *isolation) release(t *testing.T, at place) (bundle string) {
	t.Helper()
	path := "/v1/projects/" + at.project + "/environments/" + at.environment
	var uploaded struct {
		SHA256 string `json:"sha256"`
	}
	i.operator().Do(t, "POST", path+"/bundles", object{"by": at.String()}).Want(t, http.StatusCreated).Into(t, &uploaded)
	i.operator().Do(t, "POST", path+"/configs/"+homeConfig+"/releases", object{"bundle": uploaded.SHA256}).Want(t, http.StatusCreated)
	return uploaded.SHA256
}

// add makes a credential of each kind that belongs to the place: with every
// permission, and with each one alone.
func (i *isolation) add(t *testing.T, p harness.Project, at place) {
	t.Helper()
	operator := i.first.Client(p.Secret)
	var shown struct {
		ID string `json:"id"`
	}
	operator.Do(t, "GET", "/v1/projects/"+at.project+"/environments/"+at.environment, nil).Want(t, http.StatusOK).Into(t, &shown)
	i.ids[at], i.games[at] = shown.ID, p.Publishable[at.environment]

	name := at.String()
	i.callers = append(i.callers, caller{name: "publishable key of " + name, token: p.Publishable[at.environment], kind: tenancy.PublishableKey, at: at})
	for _, kind := range []tenancy.Kind{tenancy.ServerToken, tenancy.SecretKey} {
		for _, permission := range tenancy.Grantable(kind) {
			key := operator.Key(t, at.project, at.environment, object{"kind": kind.String(), "name": "isolation", "scopes": []string{string(permission)}})
			c := caller{name: fmt.Sprintf("%s of %s for %s", kind, name, permission), token: key.Token, kind: kind, at: at}
			if permission != tenancy.Everything {
				c.only = permission
			}
			i.callers = append(i.callers, c)
		}
	}
	for _, who := range []string{"player", "other player"} {
		grant := i.first.Client(p.Publishable[at.environment]).Guest(t)
		c := caller{name: who + " of " + name, token: grant.AccessToken, kind: tenancy.PlayerToken, at: at, player: grant.PlayerID}
		i.callers = append(i.callers, c)
		if at == home && who == "player" {
			i.owner = c
		}
	}
}

// strangers are those whose credential is none.
func (i *isolation) strangers(t *testing.T, p harness.Project) {
	t.Helper()
	revoked := i.operator().Key(t, home.project, home.environment, object{"kind": "secret_key", "name": "revoked", "scopes": []string{"*"}})
	i.operator().Do(t, "DELETE", harness.KeysPath(home.project, home.environment)+"/"+revoked.ID, nil).Want(t, http.StatusNoContent)
	out, _ := i.player(t)
	out.Do(t, "POST", "/v1/auth/logout", nil).Want(t, http.StatusNoContent)
	mistyped := []byte(p.Secret)
	mistyped[12] ^= 1
	header, claims, _ := strings.Cut(i.owner.token, ".")
	claims, _, _ = strings.Cut(claims, ".")
	_, foreignSignature, _ := strings.Cut(out.Credential, ".")
	_, foreignSignature, _ = strings.Cut(foreignSignature, ".")
	unsigned := "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
	i.callers = append(i.callers,
		caller{name: "nobody", refused: "auth.credential_required"},
		caller{name: "garbage", token: "open-sesame", refused: "auth.invalid_credential"},
		caller{name: "mistyped key", token: string(mistyped), refused: "auth.invalid_credential"},
		caller{name: "revoked key", token: revoked.Token, refused: "auth.invalid_credential"},
		caller{name: "refresh token", token: i.game().Guest(t).RefreshToken, refused: "auth.invalid_credential"},
		caller{name: "signed-out player", token: out.Credential, refused: "identity.session_ended"},
		caller{name: "player with another's signature", token: header + "." + claims + "." + foreignSignature, refused: "auth.invalid_access_token"},
		caller{name: "player without a signature", token: unsigned + "." + claims + ".", refused: "auth.invalid_credential"},
	)
}

// try sends what the route needs, as the caller, on what belongs to home and on
// what does not exist, and compares what comes back. It gives how many cases that was.
func (i *isolation) try(t *testing.T, route httpapi.Route, s sample, c caller) int {
	t.Helper()
	cases := 0
	for _, target := range s.targets(i) {
		want, decided := entry(route.Audience, c)
		if !decided {
			want = s.answer(i, c, target)
		}
		path, unfilled := fill(route.Path, target)
		if unfilled != "" {
			t.Errorf("%s: nothing is known of the parameter %s", route.OperationID, unfilled)
			return cases
		}
		ready := request{path: path}
		if s.prepare != nil {
			s.prepare(t, i, c, target, &ready)
		}
		client := i.first.Client(c.token)
		if ready.token != "" {
			client = client.As(ready.token)
		}
		// With a key, so that a change whose answer is not kept is found.
		headers := append([]string{"Idempotency-Key", newID()}, ready.header...)
		reply := client.Do(t, route.Method, ready.path, ready.body, headers...)
		cases++
		got := answer{status: reply.Status}
		if reply.Status >= 400 {
			p, err := reply.Problem()
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			got.code = p.Code
		}
		if got != want {
			t.Errorf("%s %s, on %s, by %s: got %s, want %s", route.Method, ready.path, target.name, c.name, got, want)
		}
	}
	return cases
}

// unmixed checks that every document is still of somebody of its own environment.
func (i *isolation) unmixed(t *testing.T) {
	t.Helper()
	for at := range i.ids {
		n := slices.IndexFunc(i.callers, func(c caller) bool { return c.at == at && c.kind == tenancy.ServerToken && c.only == "" })
		paths := []string{"/v1/documents/rules/" + everywhereKey}
		if at == home {
			paths = append(paths, "/v1/players/"+i.owner.player+"/documents/saves/one")
		}
		for _, path := range paths {
			d := i.first.Client(i.callers[n].token).Do(t, "GET", path, nil).Want(t, http.StatusOK).Document(t)
			// Increments count in it as well.
			if by := fmt.Sprintf(`{"by":%q`, at); string(d.Value) != by+"}" && !strings.HasPrefix(string(d.Value), by+`,"counted":`) {
				t.Errorf("%s of %s holds %s", path, at, d.Value)
			}
		}
	}
}

// entry is what the route's declared audience makes of the caller, if it refuses him.
func entry(a httpapi.Audience, c caller) (answer, bool) {
	if a.Public {
		return answer{}, false
	}
	if c.refused != "" {
		return answer{http.StatusUnauthorized, c.refused}, true
	}
	at := slices.IndexFunc(a.Grants, func(g httpapi.Grant) bool { return g.Kind == c.kind })
	switch {
	case at < 0:
		return answer{http.StatusForbidden, "auth.wrong_credential_kind"}, true
	case !a.Operator && c.at.environment == "":
		return answer{http.StatusForbidden, "tenancy.environment_required"}, true
	case !c.may(a.Grants[at].Permission):
		return answer{http.StatusForbidden, "auth.scope_required"}, true
	}
	return answer{}, false
}

// fill puts the target's values into a path template; unfilled is a parameter it has none for.
func fill(template string, target target) (path, unfilled string) {
	segments := strings.Split(template, "/")
	for n, segment := range segments {
		name, isParameter := strings.CutPrefix(segment, "{")
		if !isParameter {
			continue
		}
		value, ok := target.vars[strings.TrimSuffix(name, "}")]
		if !ok {
			return "", name
		}
		segments[n] = value
	}
	return strings.Join(segments, "/"), ""
}

func newID() string { return uuid.NewString() }
