package identity

import "github.com/overworldhq/overworld/domain/fault"

var (
	ErrAccessToken  = fault.New(fault.Unauthenticated, "auth.invalid_access_token", "This access token is forged, expired, or not for this environment.")
	ErrRefreshToken = fault.New(fault.Unauthenticated, "identity.invalid_refresh_token", "This refresh token is forged or not for this environment.")
	ErrRefreshReuse = fault.New(fault.Unauthenticated, "identity.refresh_reused", "This refresh token was used before; the session has been ended to be safe. Sign in again.")
	ErrSessionEnded = fault.New(fault.Unauthenticated, "identity.session_ended", "This session has ended. Sign in again.")

	ErrBanned          = fault.New(fault.Forbidden, "identity.banned", "This player is banned.")
	ErrNotYours        = fault.New(fault.Forbidden, "identity.not_yours", "Players change only their own profile.")
	ErrHandleTaken     = fault.New(fault.Conflict, "identity.handle_taken", "Another player has this handle.")
	ErrProfileStale    = fault.New(fault.Stale, "identity.profile_changed", "The profile is not at the version that If-Match names.")
	ErrGuestClosed     = fault.New(fault.Forbidden, "identity.guest_sign_in_closed", "This environment does not let guests in.")
	ErrPlayerNotFound  = fault.New(fault.NotFound, "identity.player_not_found", "There is no such player.")
	ErrSessionNotFound = fault.New(fault.NotFound, "identity.session_not_found", "There is no such session.")
	ErrLoginTaken      = fault.New(fault.Conflict, "identity.login_taken", "This way to sign in already belongs to another player.")
)
