package tenancy

import "github.com/overworldhq/overworld/domain/fault"

var (
	ErrCredential       = fault.New(fault.Unauthenticated, "auth.invalid_credential", "This credential is not one of ours, or no longer good.")
	ErrNoCredential     = fault.New(fault.Unauthenticated, "auth.credential_required", "Send a credential as Authorization: Bearer <credential>.")
	ErrNetwork          = fault.New(fault.Forbidden, "auth.network_not_allowed", "This token may not be used from this address.")
	ErrAudience         = fault.New(fault.Forbidden, "auth.wrong_credential_kind", "This route is not for this kind of credential.")
	ErrPermission       = fault.New(fault.Forbidden, "auth.scope_required", "The credential lacks a scope that this needs.")
	ErrNoEnvironment    = fault.New(fault.Forbidden, "tenancy.environment_required", "This key is for a whole project; use one that belongs to the environment you mean.")
	ErrWrongEnvironment = fault.New(fault.Forbidden, "tenancy.wrong_environment", "This credential belongs to another environment or project.")

	ErrProjectNotFound     = fault.New(fault.NotFound, "tenancy.project_not_found", "There is no such project.")
	ErrEnvironmentNotFound = fault.New(fault.NotFound, "tenancy.environment_not_found", "There is no such environment.")
	ErrCredentialNotFound  = fault.New(fault.NotFound, "tenancy.credential_not_found", "There is no such key or token.")
	ErrSlugTaken           = fault.New(fault.Conflict, "tenancy.slug_taken", "This slug is in use.")
	ErrNotConfirmed        = fault.New(fault.Invalid, "tenancy.not_confirmed", "Deleting needs the slug repeated, and production a second switch.")
	ErrEnvironmentStale    = fault.New(fault.Stale, "tenancy.environment_stale", "The environment was changed since you read it; its current state is under current.")
)
