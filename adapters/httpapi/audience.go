package httpapi

import "github.com/overworldhq/overworld/domain/tenancy"

// Audience is who may call a route. Its zero value is nobody's, and no route may have it.
type Audience struct {
	// Public routes need no credential and look at none.
	Public bool
	// Operator routes name their project and environment in the path; the
	// others take them from the credential, which must belong to an environment.
	Operator bool
	Grants   []Grant
}

// Grant lets one kind of credential in, provided that it holds the permission, if there is one.
type Grant struct {
	Kind       tenancy.Kind
	Permission tenancy.Permission
}

// public is for everyone, with or without a credential.
func public() Audience { return Audience{Public: true} }

// runtime is for callers within the environment of their credential.
func runtime(grants ...Grant) Audience { return Audience{Grants: grants} }

// operator is for operators and their tools, who hold secret keys.
func operator(permission tenancy.Permission) Audience {
	return Audience{Operator: true, Grants: []Grant{secretKey(permission)}}
}

func secretKey(needs tenancy.Permission) Grant   { return Grant{tenancy.SecretKey, needs} }
func serverToken(needs tenancy.Permission) Grant { return Grant{tenancy.ServerToken, needs} }
func publishableKey() Grant                      { return Grant{Kind: tenancy.PublishableKey} }
func player() Grant                              { return Grant{Kind: tenancy.PlayerToken} }

// declared tells whether anybody may call. Keys and tokens that have scopes need one.
func (a Audience) declared() bool {
	if a.Public {
		return len(a.Grants) == 0
	}
	for _, g := range a.Grants {
		scoped := g.Kind == tenancy.SecretKey || g.Kind == tenancy.ServerToken
		if scoped != (g.Permission != "") {
			return false
		}
	}
	return len(a.Grants) > 0
}

// admit refuses a principal that is not of the audience.
func (a Audience) admit(p tenancy.Principal) error {
	for _, g := range a.Grants {
		if g.Kind != p.Kind() {
			continue
		}
		if !a.Operator && p.Scope().IsZero() {
			return tenancy.ErrNoEnvironment
		}
		if g.Permission != "" {
			return p.Require(g.Permission)
		}
		return nil
	}
	return tenancy.ErrAudience
}
