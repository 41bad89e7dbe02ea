package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/app/operators"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// credential is a key or token as the API shows it.
type credential struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind" enum:"secret_key,publishable_key,server_token"`
	Name       string    `json:"name"`
	Scopes     []string  `json:"scopes"`
	Networks   []string  `json:"networks,omitempty"`
	Hint       string    `json:"hint" doc:"The beginning of the token, to recognise it by."`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero" doc:"To the minute."`
	Token      string    `json:"token,omitempty" doc:"The secret itself, in the reply that made it and never again."`
}

func credentialOf(c tenancy.Credential) *credential {
	shown := &credential{
		ID: c.ID, Kind: c.Kind.String(), Name: c.Name, Hint: c.Hint,
		CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, RevokedAt: c.RevokedAt, LastUsedAt: c.LastUsedAt,
	}
	for _, scope := range c.Scopes {
		shown.Scopes = append(shown.Scopes, string(scope))
	}
	for _, network := range c.Networks {
		shown.Networks = append(shown.Networks, network.String())
	}
	return shown
}

type credentialBody struct {
	Kind      string    `json:"kind" enum:"secret_key,publishable_key,server_token"`
	Name      string    `json:"name" doc:"1 to 80 characters, for people."`
	Scopes    []string  `json:"scopes,omitempty" doc:"What it may do, such as documents:read, or * for all its kind can. A publishable key has none."`
	Networks  []string  `json:"networks,omitempty" doc:"The only networks it may be used from, in CIDR notation; for server tokens."`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Absent: never, or when the key that makes it does. Not later than that."`
}

func (b credentialBody) spec() (tenancy.CredentialSpec, error) {
	kind, _ := tenancy.ParseKind(b.Kind) // the domain refuses what is no kind, with all else that is wrong
	spec := tenancy.CredentialSpec{Kind: kind, Name: b.Name, ExpiresAt: b.ExpiresAt}
	for _, scope := range b.Scopes {
		spec.Scopes = append(spec.Scopes, tenancy.Permission(scope))
	}
	var check fault.Check
	for i, text := range b.Networks {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			check.Add(fmt.Sprintf("/networks/%d", i), "malformed", "A network, such as 203.0.113.0/24 or 2001:db8::/32.")
		}
		spec.Networks = append(spec.Networks, network.Masked())
	}
	return spec, check.Err()
}

// placed is whose credentials or events a path means.
type placed interface{ place() operators.Place }

type (
	environmentKeys struct {
		environmentPath
		paging
	}
	environmentKeyCreate struct {
		environmentPath
		Body credentialBody
	}
	environmentKey struct {
		environmentPath
		Key id `path:"key"`
	}
	projectKeyCreate struct {
		projectPath
		Body credentialBody
	}
	projectKey struct {
		projectPath
		Key id `path:"key"`
	}
)

func credentialRoutes(o Options) []route {
	const project, environment = "/v1/projects/{project}/keys", "/v1/projects/{project}/environments/{environment}/keys"
	h := credentialHandlers{o}
	at := func(method, path, id, summary, description string) route {
		r := route{Method: method, Path: path, ID: id, Tag: "Keys", Class: limits.Operate, Summary: summary, Description: description}
		switch method {
		case http.MethodPost:
			r.Statuses = []int{http.StatusCreated}
		case http.MethodDelete:
			r.Statuses = []int{http.StatusNoContent}
		}
		return r
	}
	const (
		listing  = "Newest first, revoked and expired ones too. The tokens themselves are kept nowhere."
		creating = "The token is in the reply, and nowhere else ever after. Nobody can grant scopes that they don't hold."
		revoking = "It is refused from the next request on. Revoking what is revoked changes nothing."
	)
	read, write := operator(tenancy.CredentialsRead), operator(tenancy.CredentialsWrite)
	return []route{
		define(at("GET", environment, "listKeys", "List an environment's keys and tokens", listing), read,
			func(ctx context.Context, c *call, in *environmentKeys) (*list[*credential], error) {
				return h.list(ctx, c, in, in.paging)
			}),
		change(at("POST", environment, "createKey", "Make a key or token for an environment", creating), write, issuedOf,
			func(ctx context.Context, c *call, in *environmentKeyCreate, tell once.Effect[operators.Issued]) (operators.Issued, error) {
				return h.create(ctx, c, in, in.Body, tell)
			}),
		change(at("DELETE", environment+"/{key}", "revokeKey", "Revoke a key or token of an environment", revoking), write, done,
			func(ctx context.Context, c *call, in *environmentKey, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
				return none, o.Operators.RevokeCredential(ctx, c.principal, in.place(), string(in.Key), tell)
			}),
		define(at("GET", project, "listProjectKeys", "List the keys of the whole project", listing), read,
			func(ctx context.Context, c *call, in *projectList) (*list[*credential], error) {
				return h.list(ctx, c, in, in.paging)
			}),
		change(at("POST", project, "createProjectKey", "Make a key for the whole project", creating+" It is a secret key that reaches every environment."), write, issuedOf,
			func(ctx context.Context, c *call, in *projectKeyCreate, tell once.Effect[operators.Issued]) (operators.Issued, error) {
				return h.create(ctx, c, in, in.Body, tell)
			}),
		change(at("DELETE", project+"/{key}", "revokeProjectKey", "Revoke a key of the whole project", revoking), write, done,
			func(ctx context.Context, c *call, in *projectKey, tell once.Effect[once.Nothing]) (none once.Nothing, _ error) {
				return none, o.Operators.RevokeCredential(ctx, c.principal, in.place(), string(in.Key), tell)
			}),
	}
}

type credentialHandlers struct{ Options }

func (h credentialHandlers) list(ctx context.Context, c *call, at placed, p paging) (*list[*credential], error) {
	limit, before, err := c.page(p, 1)
	if err != nil {
		return nil, err
	}
	found, err := h.Operators.Credentials(ctx, c.principal, at.place(), before[0], limit)
	if err != nil {
		return nil, err
	}
	return pageOf(c, limit, found, credentialOf, func(one tenancy.Credential) []string { return []string{one.ID} }), nil
}

func (h credentialHandlers) create(ctx context.Context, c *call, at placed, body credentialBody, tell once.Effect[operators.Issued]) (operators.Issued, error) {
	spec, err := body.spec()
	if err != nil {
		return operators.Issued{}, err
	}
	made, token, err := h.Operators.CreateCredential(ctx, c.principal, at.place(), spec, tell)
	return operators.Issued{Credential: made, Token: token}, err
}

func issuedOf(_ *call, made operators.Issued) *credential {
	shown := credentialOf(made.Credential)
	shown.Token = made.Token
	return shown
}
