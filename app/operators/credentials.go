package operators

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/access"
	"github.com/overworldhq/overworld/app/once"
	"github.com/overworldhq/overworld/domain/audit"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/datastore"
)

// Place names an environment, or with an empty Environment a whole project, by slugs.
type Place struct{ Project, Environment string }

// owner finds whose credentials are meant by a place.
func (u *UseCases) owner(ctx context.Context, p tenancy.Principal, place Place) (tenancy.CredentialOwner, error) {
	if place.Environment == "" {
		project, err := u.wholeProject(ctx, p, place.Project)
		return tenancy.CredentialOwner{Project: project.ID}, err
	}
	environment, _, err := u.environment(ctx, p, place.Project, place.Environment)
	return tenancy.CredentialOwner{Project: environment.ProjectID, Environment: environment.ID}, err
}

// Issued is a new key or token with its secret.
type Issued struct {
	Credential tenancy.Credential
	Token      string
}

// CreateCredential makes a key or token and gives the secret, which is kept
// nowhere. Nobody can grant more than they hold, nor for longer. spec's Project, Environment and Until are filled in.
func (u *UseCases) CreateCredential(
	ctx context.Context, p tenancy.Principal, place Place, spec tenancy.CredentialSpec, effects ...once.Effect[Issued],
) (tenancy.Credential, string, error) {
	owner, err := u.owner(ctx, p, place)
	if err != nil {
		return tenancy.Credential{}, "", err
	}
	made, err := u.issue(p, owner, spec)
	if err != nil {
		return made.Credential, "", err
	}
	err = u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
		if err := u.addCredential(ctx, tx, p, made.Credential); err != nil {
			return err
		}
		return once.Tell(ctx, tx, made, effects)
	})
	return made.Credential, made.Token, err
}

// issue thinks up a credential of the owner, and stores nothing.
func (u *UseCases) issue(p tenancy.Principal, owner tenancy.CredentialOwner, spec tenancy.CredentialSpec) (Issued, error) {
	spec.Project, spec.Environment, spec.Until = owner.Project, owner.Environment, p.Expires()
	for _, scope := range spec.Scopes {
		if err := p.Require(scope); err != nil {
			return Issued{}, err
		}
	}
	var entropy [tenancy.TokenEntropy]byte
	u.parts.Random.Fill(entropy[:])
	credential, token, err := tenancy.NewCredential(u.parts.IDs.New(), spec, entropy, u.parts.Clock.Now())
	return Issued{credential, token}, err
}

func (u *UseCases) addCredential(ctx context.Context, tx datastore.Repos, p tenancy.Principal, credential tenancy.Credential) error {
	if err := tx.Credentials().Create(ctx, credential); err != nil {
		return fmt.Errorf("create credential: %w", err)
	}
	owner := tenancy.CredentialOwner{Project: credential.Project, Environment: credential.Environment}
	event := owned(audit.By(p, audit.CredentialCreated, credential.CreatedAt), owner).On("credential", credential.ID)
	event.After = describe(credential)
	return u.record(ctx, tx, event)
}

// Credentials gives up to limit credentials of a place, newest first, beginning before the given id.
func (u *UseCases) Credentials(ctx context.Context, p tenancy.Principal, place Place, before string, limit int) ([]tenancy.Credential, error) {
	owner, err := u.owner(ctx, p, place)
	if err != nil {
		return nil, err
	}
	return u.parts.Store.Credentials().List(ctx, owner, before, limit)
}

// RevokeCredential ends a credential: it is refused from the next request on,
// on every replica. Revoking one that was revoked is no error.
func (u *UseCases) RevokeCredential(ctx context.Context, p tenancy.Principal, place Place, id string, effects ...once.Effect[once.Nothing]) error {
	owner, err := u.owner(ctx, p, place)
	if err != nil {
		return err
	}
	credential, err := u.parts.Store.Credentials().Get(ctx, owner, id)
	if err != nil {
		return fmt.Errorf("find credential: %w", err)
	}
	return u.parts.Revoker.Revoke(ctx, []string{access.CredentialKey(credential.Hash)}, func() error {
		return u.parts.Store.InTx(ctx, func(ctx context.Context, tx datastore.Repos) error {
			now := u.parts.Clock.Now()
			if err := tx.Credentials().Revoke(ctx, owner, id, now); err != nil {
				return fmt.Errorf("revoke credential: %w", err)
			}
			event := owned(audit.By(p, audit.CredentialRevoked, now), owner).On("credential", credential.ID)
			event.Before = describe(credential)
			if err := u.record(ctx, tx, event); err != nil {
				return err
			}
			return once.Tell(ctx, tx, once.Nothing{}, effects)
		})
	})
}

func owned(event audit.Event, owner tenancy.CredentialOwner) audit.Event {
	event.Project, event.Environment = owner.Project, owner.Environment
	return event
}

func describe(c tenancy.Credential) map[string]string {
	scopes := make([]string, len(c.Scopes))
	for i, s := range c.Scopes {
		scopes[i] = string(s)
	}
	d := map[string]string{"kind": c.Kind.String(), "name": c.Name, "hint": c.Hint, "scopes": strings.Join(scopes, " ")}
	if !c.ExpiresAt.IsZero() {
		d["expires_at"] = c.ExpiresAt.Format(time.RFC3339)
	}
	return d
}
