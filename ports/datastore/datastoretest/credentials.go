package datastoretest

import (
	"crypto/sha256"
	"net/netip"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/tenancy"
)

func credential(e tenancy.Environment) tenancy.Credential {
	id := newID()
	return tenancy.Credential{
		ID: id, Kind: tenancy.SecretKey, Project: e.ProjectID, Environment: e.ID, Name: "CI", Scopes: []tenancy.Permission{tenancy.Everything},
		Networks: []netip.Prefix{}, Hint: "ow_sec_" + id[:4], Hash: sha256.Sum256([]byte(id)), CreatedAt: start,
	}
}

func owner(e tenancy.Environment) tenancy.CredentialOwner {
	return tenancy.CredentialOwner{Project: e.ProjectID, Environment: e.ID}
}

var credentialTests = map[string]func(*testing.T, *world){
	"round trip": func(t *testing.T, w *world) {
		full := credential(w.home)
		full.Kind, full.Name = tenancy.ServerToken, `Frankfurt "eu" 😀`
		full.Scopes = []tenancy.Permission{tenancy.DocumentsWrite, tenancy.PlayersRead}
		full.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
		full.ExpiresAt, full.RevokedAt, full.LastUsedAt = later(time.Hour), later(time.Minute), later(time.Second)
		public := credential(w.home)
		public.Kind, public.Scopes = tenancy.PublishableKey, []tenancy.Permission{}
		wide := credential(w.home)
		wide.Environment = ""
		for _, c := range []tenancy.Credential{full, public, wide, credential(w.home)} {
			must(t, w.Credentials().Create(w.ctx, c))
			same(t, "by hash", get[tenancy.Credential](t)(w.Credentials().ByHash(w.ctx, c.Hash)), c)
			same(t, "by id", get[tenancy.Credential](t)(w.Credentials().Get(w.ctx, tenancy.CredentialOwner{Project: c.Project, Environment: c.Environment}, c.ID)), c)
		}
	},
	"no scopes and no networks are empty lists": func(t *testing.T, w *world) {
		c := credential(w.home)
		c.Scopes, c.Networks = nil, nil
		must(t, w.Credentials().Create(w.ctx, c))
		got := get[tenancy.Credential](t)(w.Credentials().ByHash(w.ctx, c.Hash))
		if got.Scopes == nil || got.Networks == nil || len(got.Scopes)+len(got.Networks) != 0 {
			t.Errorf("got %#v and %#v", got.Scopes, got.Networks)
		}
	},
	"another owner doesn't have it": func(t *testing.T, w *world) {
		c, wide := credential(w.home), credential(w.home)
		wide.Environment = ""
		must(t, w.Credentials().Create(w.ctx, c))
		must(t, w.Credentials().Create(w.ctx, wide))
		whole := tenancy.CredentialOwner{Project: w.home.ProjectID}
		mixed := tenancy.CredentialOwner{Project: w.abroad.ProjectID, Environment: w.home.ID}
		for _, foreign := range []tenancy.CredentialOwner{owner(w.away), owner(w.abroad), whole, mixed, {}} {
			fails(t, "get", second(w.Credentials().Get(w.ctx, foreign, c.ID)), tenancy.ErrCredentialNotFound)
			fails(t, "revoke", w.Credentials().Revoke(w.ctx, foreign, c.ID, start), tenancy.ErrCredentialNotFound)
			for _, listed := range get[[]tenancy.Credential](t)(w.Credentials().List(w.ctx, foreign, "", 10)) {
				if listed.ID == c.ID {
					t.Errorf("%+v lists it", foreign)
				}
			}
		}
		fails(t, "an environment has the project's", second(w.Credentials().Get(w.ctx, owner(w.home), wide.ID)), tenancy.ErrCredentialNotFound)
		same(t, "the project's", get[[]tenancy.Credential](t)(w.Credentials().List(w.ctx, whole, "", 10)), []tenancy.Credential{wide})
		same(t, "untouched", get[tenancy.Credential](t)(w.Credentials().Get(w.ctx, owner(w.home), c.ID)), c)
	},
	"list, newest first, while more come": func(t *testing.T, w *world) {
		var made []tenancy.Credential
		add := func() {
			c := credential(w.home)
			must(t, w.Credentials().Create(w.ctx, c))
			made = append([]tenancy.Credential{c}, made...)
		}
		for range 5 {
			add()
		}
		want := made
		var got []tenancy.Credential
		before := ""
		for {
			page := get[[]tenancy.Credential](t)(w.Credentials().List(w.ctx, owner(w.home), before, 2))
			if page == nil {
				t.Fatal("nil")
			}
			if len(page) == 0 {
				break
			}
			got, before = append(got, page...), page[len(page)-1].ID
			add()
		}
		same(t, "all pages", got, want)
	},
	"revoke once": func(t *testing.T, w *world) {
		c := credential(w.home)
		must(t, w.Credentials().Create(w.ctx, c))
		must(t, w.Credentials().Revoke(w.ctx, owner(w.home), c.ID, later(time.Minute)))
		must(t, w.Credentials().Revoke(w.ctx, owner(w.home), c.ID, later(time.Hour)))
		c.RevokedAt = later(time.Minute)
		same(t, "revoked", get[tenancy.Credential](t)(w.Credentials().ByHash(w.ctx, c.Hash)), c)
		fails(t, "nobody's", w.Credentials().Revoke(w.ctx, owner(w.home), "nobody", start), tenancy.ErrCredentialNotFound)
	},
	"touch": func(t *testing.T, w *world) {
		a, b, c := credential(w.home), credential(w.abroad), credential(w.home)
		for _, k := range []tenancy.Credential{a, b, c} {
			must(t, w.Credentials().Create(w.ctx, k))
		}
		must(t, w.Credentials().Touch(w.ctx, nil))
		must(t, w.Credentials().Touch(w.ctx, map[string]time.Time{a.ID: later(time.Minute), b.ID: later(time.Hour), "nobody": start}))
		must(t, w.Credentials().Touch(w.ctx, map[string]time.Time{a.ID: later(2 * time.Minute)}))
		a.LastUsedAt, b.LastUsedAt = later(2*time.Minute), later(time.Hour)
		for _, want := range []tenancy.Credential{a, b, c} {
			same(t, "touched", get[tenancy.Credential](t)(w.Credentials().ByHash(w.ctx, want.Hash)), want)
		}
	},
	"touch a thousand": func(t *testing.T, w *world) {
		c := credential(w.home)
		must(t, w.Credentials().Create(w.ctx, c))
		used := map[string]time.Time{c.ID: later(time.Minute)}
		for range 1000 {
			used[newID()] = start
		}
		must(t, w.Credentials().Touch(w.ctx, used))
		c.LastUsedAt = later(time.Minute)
		same(t, "touched", get[tenancy.Credential](t)(w.Credentials().ByHash(w.ctx, c.Hash)), c)
	},
	"not found": func(t *testing.T, w *world) {
		fails(t, "by hash", second(w.Credentials().ByHash(w.ctx, [sha256.Size]byte{})), tenancy.ErrCredentialNotFound)
		orphan := credential(w.home)
		orphan.Project, orphan.Environment = "nobody", ""
		fails(t, "create without a project", w.Credentials().Create(w.ctx, orphan), tenancy.ErrProjectNotFound)
	},
}
