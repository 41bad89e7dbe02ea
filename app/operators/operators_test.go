package operators_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/bootstrap/compose/composetest"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/tenancy"
)

var (
	whole       = operators.Place{Project: "game"}
	development = operators.Place{Project: "game", Environment: "development"}
)

func ptr[T any](v T) *T { return &v }

func TestReachingOutIsRefusedAlikeAndAudited(t *testing.T) {
	w := composetest.New(t)
	game, rival := w.Project(t, "game"), w.Project(t, "rival")
	wholeKey, key := w.Caller(t, whole, tenancy.SecretKey), w.Caller(t, development, tenancy.SecretKey)
	key.RequestID, key.Address = "request-1", "192.0.2.1"

	reach := func(p tenancy.Principal, place operators.Place) map[string]error {
		ctx := t.Context()
		results := map[string]error{}
		_, results["list keys"] = w.Operators.Credentials(ctx, p, place, "", 10)
		_, _, results["make a key"] = w.Operators.CreateCredential(ctx, p, place, tenancy.CredentialSpec{Kind: tenancy.SecretKey, Name: "x", Scopes: []tenancy.Permission{tenancy.AuditRead}})
		results["revoke a key"] = w.Operators.RevokeCredential(ctx, p, place, "01947c3e-9f00-7000-8000-000000000001")
		_, results["read the audit log"] = w.Operators.Audit(ctx, p, place, audit.Query{Limit: 10})
		if place.Environment == "" {
			_, results["create"] = w.Operators.CreateEnvironment(ctx, p, place.Project, tenancy.EnvironmentSpec{Slug: "qa"})
			results["delete"] = w.Operators.DeleteProject(ctx, p, place.Project, operators.Confirmation{Slug: place.Project, Production: true})
			return results
		}
		_, results["read"] = w.Operators.Environment(ctx, p, place.Project, place.Environment)
		_, results["edit"] = w.Operators.EditEnvironment(ctx, p, place.Project, place.Environment, operators.Edit{Name: ptr("x")})
		results["delete"] = w.Operators.DeleteEnvironment(ctx, p, place.Project, place.Environment, operators.Confirmation{Slug: place.Environment, Production: true})
		_, results["list signing keys"] = w.Operators.SigningKeys(ctx, p, place)
		_, results["rotate"] = w.Operators.RotateSigningKey(ctx, p, place, true)
		return results
	}
	attempts := 0
	for _, c := range []struct {
		name  string
		p     tenancy.Principal
		place operators.Place
	}{
		{"an environment's key, sibling", key, operators.Place{Project: "game", Environment: "staging"}},
		{"an environment's key, no sibling", key, operators.Place{Project: "game", Environment: "nowhere"}},
		{"an environment's key, whole project", key, whole},
		{"an environment's key, foreign", key, operators.Place{Project: "rival", Environment: "development"}},
		{"an environment's key, no project", key, operators.Place{Project: "nobodys", Environment: "development"}},
		{"a project's key, foreign environment", wholeKey, operators.Place{Project: "rival", Environment: "staging"}},
		{"a project's key, foreign project", wholeKey, operators.Place{Project: "rival"}},
		{"a project's key, no project", wholeKey, operators.Place{Project: "nobodys"}},
	} {
		for what, err := range reach(c.p, c.place) {
			attempts++
			if !errors.Is(err, tenancy.ErrWrongEnvironment) || err.Error() != tenancy.ErrWrongEnvironment.Error() {
				t.Errorf("%s: %s: %v", c.name, what, err)
			}
		}
	}
	events := w.Audit(t, game, audit.AccessRefused)
	if len(events) != attempts {
		t.Errorf("%d of %d attempts were audited", len(events), attempts)
	}
	i := slices.IndexFunc(events, func(e audit.Event) bool { return e.Target.ID == "game/staging" })
	if i < 0 || events[i].Actor.ID != key.Subject() || events[i].RequestID != "request-1" || events[i].Address != "192.0.2.1" || events[i].Environment != key.Scope().Environment() {
		t.Errorf("audited %+v", events)
	}
	if foreign := w.Audit(t, rival, audit.AccessRefused); len(foreign) != 0 {
		t.Errorf("the rival reads of it: %+v", foreign)
	}
	// Nothing came of any of it.
	for _, project := range []string{"game", "rival"} {
		all, err := w.Operators.Environments(t.Context(), composetest.Operator(), project, "", 10)
		if err != nil || len(all) != 3 || all[0].Version != 1 || all[1].Version != 1 {
			t.Errorf("%s has %+v, %v", project, all, err)
		}
	}
}

func TestWhatEachKeySees(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	w.Project(t, "rival")
	wholeKey, key := w.Caller(t, whole, tenancy.SecretKey), w.Caller(t, development, tenancy.SecretKey)
	slugs := func(p tenancy.Principal, after string) string {
		all, err := w.Operators.Environments(t.Context(), p, "game", after, 10)
		if err != nil {
			t.Error(err)
		}
		var list []string
		for _, e := range all {
			list = append(list, e.Slug)
		}
		return strings.Join(list, " ")
	}
	for _, c := range []struct {
		p           tenancy.Principal
		after, want string
	}{
		{composetest.Operator(), "", "development production staging"},
		{wholeKey, "", "development production staging"},
		{wholeKey, "development", "production staging"},
		{key, "", "development"},
		{key, "development", ""},
	} {
		if got := slugs(c.p, c.after); got != c.want {
			t.Errorf("%s after %q sees %q, want %q", c.p.Kind(), c.after, got, c.want)
		}
	}
	for who, p := range map[string]tenancy.Principal{"whole": wholeKey, "environment": key} {
		if all, err := w.Operators.Projects(t.Context(), p, "", 10); err != nil || len(all) != 1 || all[0].Slug != "game" {
			t.Errorf("%s sees projects %+v, %v", who, all, err)
		}
		if _, err := w.Operators.CreateProject(t.Context(), p, "third", "", operators.FirstCredentials{}); !errors.Is(err, tenancy.ErrAudience) {
			t.Errorf("%s makes a project: %v", who, err)
		}
	}
	if _, err := w.Operators.Environment(t.Context(), wholeKey, "game", "nowhere"); !errors.Is(err, tenancy.ErrEnvironmentNotFound) {
		t.Errorf("in the own project what is not there may be told: %v", err)
	}
}

func TestNobodyGrantsMoreThanTheyHold(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	_, token := w.Issue(t, development, tenancy.CredentialSpec{Kind: tenancy.SecretKey, Scopes: []tenancy.Permission{tenancy.CredentialsWrite, tenancy.DocumentsRead}})
	p := w.Enter(t, token)
	for _, c := range []struct {
		kind   tenancy.Kind
		scopes []tenancy.Permission
		want   error
	}{
		{tenancy.ServerToken, []tenancy.Permission{tenancy.DocumentsRead}, nil},
		{tenancy.SecretKey, []tenancy.Permission{tenancy.CredentialsWrite, tenancy.DocumentsRead}, nil},
		{tenancy.PublishableKey, nil, nil},
		{tenancy.ServerToken, []tenancy.Permission{tenancy.DocumentsRead, tenancy.DocumentsWrite}, tenancy.ErrPermission},
		{tenancy.SecretKey, []tenancy.Permission{tenancy.Everything}, tenancy.ErrPermission},
	} {
		_, _, err := w.Operators.CreateCredential(t.Context(), p, development, tenancy.CredentialSpec{Kind: c.kind, Name: "x", Scopes: c.scopes})
		if !errors.Is(err, c.want) {
			t.Errorf("%s with %s: %v, want %v", c.kind, c.scopes, err, c.want)
		}
	}
}

func TestCredentialsAreAuditedWithoutTheirSecrets(t *testing.T) {
	w := composetest.New(t)
	game := w.Project(t, "game")
	credential, token := w.Issue(t, development, tenancy.CredentialSpec{Kind: tenancy.ServerToken, Name: "eu-1"})
	if err := w.Operators.RevokeCredential(t.Context(), composetest.Operator(), development, credential.ID); err != nil {
		t.Fatal(err)
	}
	for action, summary := range map[audit.Action]func(audit.Event) map[string]string{
		audit.CredentialCreated: func(e audit.Event) map[string]string { return e.After },
		audit.CredentialRevoked: func(e audit.Event) map[string]string { return e.Before },
	} {
		events := w.Audit(t, game, action)
		if len(events) != 1 || events[0].Target.ID != credential.ID || summary(events[0])["name"] != "eu-1" || events[0].Environment != credential.Environment {
			t.Errorf("%s: %+v", action, events)
		}
		if strings.Contains(fmt.Sprintf("%+v", events), token[len(credential.Hint):]) {
			t.Errorf("%s: the token is in %+v", action, events)
		}
	}
	if err := w.Operators.RevokeCredential(t.Context(), composetest.Operator(), whole, credential.ID); !errors.Is(err, tenancy.ErrCredentialNotFound) {
		t.Errorf("revoked as the project's: %v", err)
	}
}

func TestEditsOfAnEnvironment(t *testing.T) {
	w := composetest.New(t)
	game := w.Project(t, "game")
	p := w.Caller(t, development, tenancy.SecretKey)
	edit := func(e operators.Edit) (tenancy.Environment, error) {
		return w.Operators.EditEnvironment(t.Context(), p, "game", "development", e)
	}
	e, err := edit(operators.Edit{Versions: []int64{1}, Settings: func(s *tenancy.Settings) { s.ClockOffset = time.Hour }})
	if err != nil || e.Version != 2 || e.Settings.ClockOffset != time.Hour || e.Name != "Development" {
		t.Fatalf("%+v, %v", e, err)
	}
	if seen, err := w.Directory.Get(t.Context(), e.ID); err != nil || seen.Version != 2 {
		t.Errorf("the replica that made it sees %+v, %v", seen, err)
	}
	_, err = edit(operators.Edit{Versions: []int64{1}, Name: ptr("Late")})
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != tenancy.ErrEnvironmentStale.Code || f.Current.(tenancy.Environment).Version != 2 {
		t.Errorf("an old version: %+v", err)
	}
	if _, err := edit(operators.Edit{Settings: func(s *tenancy.Settings) { s.AccessTokenLifetime = 0 }}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a bad setting: %v", err)
	}
	events := w.Audit(t, game, audit.EnvironmentUpdated)
	want := map[string]string{"clock_offset_seconds": "3600", "version": "2"}
	if len(events) != 1 || !maps.Equal(events[0].After, want) || events[0].Before["clock_offset_seconds"] != "0" || events[0].Actor.ID != p.Subject() {
		t.Errorf("audited %+v", events)
	}
}

func TestEditsAtOnceLoseNothing(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	const editors = 24
	var wait sync.WaitGroup
	for range editors {
		wait.Go(func() {
			// Each adds an hour to what is there, whoever was first.
			_, err := w.Operators.EditEnvironment(context.Background(), composetest.Operator(), "game", "development", operators.Edit{
				Settings: func(s *tenancy.Settings) { s.ClockOffset += time.Hour },
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	e, err := w.Operators.Environment(t.Context(), composetest.Operator(), "game", "development")
	if err != nil || e.Version != editors+1 || e.Settings.ClockOffset != editors*time.Hour {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestDeletingNeedsConfirmation(t *testing.T) {
	w := composetest.New(t)
	game := w.Project(t, "game")
	p := composetest.Operator()
	remove := func(slug string, c operators.Confirmation) error {
		return w.Operators.DeleteEnvironment(t.Context(), p, "game", slug, c)
	}
	for _, c := range []struct {
		slug    string
		confirm operators.Confirmation
		want    error
	}{
		{"staging", operators.Confirmation{}, tenancy.ErrNotConfirmed},
		{"staging", operators.Confirmation{Slug: "game", Production: true}, tenancy.ErrNotConfirmed},
		{"staging", operators.Confirmation{Slug: "staging"}, nil},
		{"staging", operators.Confirmation{Slug: "staging"}, tenancy.ErrEnvironmentNotFound},
		{"production", operators.Confirmation{Slug: "production"}, tenancy.ErrNotConfirmed},
		{"production", operators.Confirmation{Slug: "production", Production: true}, nil},
	} {
		if err := remove(c.slug, c.confirm); !errors.Is(err, c.want) {
			t.Errorf("%s with %+v: %v, want %v", c.slug, c.confirm, err, c.want)
		}
	}
	events := w.Audit(t, game, audit.EnvironmentDeleted)
	if len(events) != 2 || events[0].Before["slug"] != "production" || events[0].Environment != "" {
		t.Errorf("audited %+v", events)
	}
	if created := w.Audit(t, game, audit.EnvironmentCreated); len(created) != 3 {
		t.Errorf("%d of 3 events outlive the environments", len(created))
	}

	if _, err := w.Operators.CreateEnvironment(t.Context(), p, "game", tenancy.EnvironmentSpec{Slug: "live", Production: true}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		confirm operators.Confirmation
		want    error
	}{
		{operators.Confirmation{Slug: "live", Production: true}, tenancy.ErrNotConfirmed},
		{operators.Confirmation{Slug: "game"}, tenancy.ErrNotConfirmed},
		{operators.Confirmation{Slug: "game", Production: true}, nil},
		{operators.Confirmation{Slug: "game", Production: true}, tenancy.ErrProjectNotFound},
	} {
		if err := w.Operators.DeleteProject(t.Context(), p, "game", c.confirm); !errors.Is(err, c.want) {
			t.Errorf("the project with %+v: %v, want %v", c.confirm, err, c.want)
		}
	}
	if _, err := w.Operators.Environment(t.Context(), p, "game", "live"); !errors.Is(err, tenancy.ErrProjectNotFound) {
		t.Errorf("an environment of it: %v", err)
	}
}

func TestEnvironmentsOfAProjectAreBounded(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	p := w.Caller(t, whole, tenancy.SecretKey)
	if _, err := w.Operators.CreateEnvironment(t.Context(), p, "game", tenancy.EnvironmentSpec{Slug: "staging"}); !errors.Is(err, tenancy.ErrSlugTaken) {
		t.Errorf("twice the same: %v", err)
	}
	for i := range 47 {
		if _, err := w.Operators.CreateEnvironment(t.Context(), p, "game", tenancy.EnvironmentSpec{Slug: fmt.Sprintf("e%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Operators.CreateEnvironment(t.Context(), p, "game", tenancy.EnvironmentSpec{Slug: "more"}); !errors.Is(err, operators.ErrTooManyEnvironments) {
		t.Errorf("the 51st: %v", err)
	}
}

func TestSigningKeysShowNoPrivateHalf(t *testing.T) {
	w := composetest.New(t)
	w.Project(t, "game")
	for _, list := range []func() (identity.KeySet, error){
		func() (identity.KeySet, error) {
			return w.Operators.SigningKeys(t.Context(), composetest.Operator(), development)
		},
		func() (identity.KeySet, error) {
			return w.Operators.RotateSigningKey(t.Context(), composetest.Operator(), development, false)
		},
	} {
		keys, err := list()
		if err != nil || len(keys) == 0 {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for _, key := range keys {
			if key.Private != nil || len(key.Public) == 0 {
				t.Errorf("shows %+v", key)
			}
		}
	}
	// Nor did that take it from those who sign.
	w.Guest(t, w.Caller(t, development, tenancy.PublishableKey))
}
