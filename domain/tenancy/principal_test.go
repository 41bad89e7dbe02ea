package tenancy_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestWhoReachesWhat(t *testing.T) {
	ours := tenancy.Environment{ID: "e1", ProjectID: "p1"}
	sibling := tenancy.Environment{ID: "e2", ProjectID: "p1"}
	foreign := tenancy.Environment{ID: "e3", ProjectID: "p2"}
	places := []tenancy.Environment{ours, sibling, foreign}

	credential := func(kind tenancy.Kind, environment tenancy.EnvironmentID) tenancy.Principal {
		p, err := tenancy.Credential{ID: "c", Kind: kind, Project: "p1", Environment: environment}.Authenticate(noon, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name     string
		p        tenancy.Principal
		within   [3]bool // ours, sibling, foreign
		project  bool    // the whole of p1
		anywhere bool    // of p2 too
	}{
		{"CLI", tenancy.Local("root"), [3]bool{true, true, true}, true, true},
		{"project's key", credential(tenancy.SecretKey, ""), [3]bool{true, true, false}, true, false},
		{"environment's key", credential(tenancy.SecretKey, "e1"), [3]bool{true, false, false}, false, false},
		{"publishable key", credential(tenancy.PublishableKey, "e1"), [3]bool{}, false, false},
		{"server token", credential(tenancy.ServerToken, "e1"), [3]bool{}, false, false},
		{"player", tenancy.Player(ours.Scope(), "player", "session", noon), [3]bool{}, false, false},
		{"nobody", tenancy.Principal{}, [3]bool{}, false, false},
	} {
		for i, place := range places {
			scope, err := c.p.Within(place)
			if c.within[i] && (err != nil || scope != place.Scope()) || !c.within[i] && (!errors.Is(err, tenancy.ErrWrongEnvironment) || !scope.IsZero()) {
				t.Errorf("%s within %s: %+v, %v", c.name, place.ID, scope, err)
			}
		}
		for project, want := range map[tenancy.ProjectID]bool{"p1": c.project, "p2": c.anywhere} {
			if err := c.p.WithinProject(project); (err == nil) != want {
				t.Errorf("%s within project %s: %v", c.name, project, err)
			}
		}
	}
	if p := credential(tenancy.SecretKey, ""); !p.Scope().IsZero() || p.Project() != "p1" {
		t.Errorf("a project's key has the scope %+v of project %q", p.Scope(), p.Project())
	}
}

func TestPermissions(t *testing.T) {
	with := func(scopes ...tenancy.Permission) tenancy.Principal {
		p, err := tenancy.Credential{Kind: tenancy.SecretKey, Scopes: scopes}.Authenticate(noon, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		name string
		p    tenancy.Principal
		need tenancy.Permission
		may  bool
	}{
		{"that one", with(tenancy.AuditRead), tenancy.AuditRead, true},
		{"another", with(tenancy.AuditRead, tenancy.DocumentsRead), tenancy.DocumentsWrite, false},
		{"everything", with(tenancy.Everything), tenancy.CredentialsWrite, true},
		{"everything is no sum", with(tenancy.Grantable(tenancy.SecretKey)[:10]...), tenancy.Everything, false},
		{"none", with(), tenancy.AuditRead, false},
		{"CLI", tenancy.Local("root"), tenancy.ProjectsWrite, true},
		{"player", tenancy.Player(tenancy.Scope{}, "p", "s", time.Time{}), tenancy.DocumentsRead, false},
	} {
		if err := c.p.Require(c.need); (err == nil) != c.may || err != nil && !errors.Is(err, tenancy.ErrPermission) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	tenancy.Grantable(tenancy.ServerToken)[0] = tenancy.CredentialsWrite
	if tenancy.Grantable(tenancy.ServerToken)[0] == tenancy.CredentialsWrite {
		t.Error("a caller could change what is grantable")
	}
}

func TestParseKindTakesCredentialsOnly(t *testing.T) {
	for kind := tenancy.NoKind; kind <= tenancy.LocalOperator; kind++ {
		parsed, ok := tenancy.ParseKind(kind.String())
		if want := prefixes[kind] != ""; ok != want || ok && parsed != kind {
			t.Errorf("%s: %v, %t", kind, parsed, ok)
		}
	}
	if _, ok := tenancy.ParseKind("secret-key"); ok {
		t.Error("a word that is no kind was taken")
	}
}
