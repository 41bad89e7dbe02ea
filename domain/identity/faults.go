package identity

import (
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

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
	ErrLoginNotFound   = fault.New(fault.NotFound, "identity.login_not_found", "There is no such way to sign in.")
	ErrTicketNotFound  = fault.New(fault.NotFound, "identity.ticket_not_found", "There is no such ticket.")

	ErrEmailClosed      = fault.New(fault.Forbidden, "identity.email_sign_in_closed", "This environment does not let players sign in by e-mail.")
	ErrWrongCredentials = fault.New(fault.Unauthenticated, "identity.wrong_credentials", "This e-mail address and password don't belong together.")
	ErrWrongCode        = fault.New(fault.Invalid, "identity.wrong_code", "This code is wrong, was used, or is no longer good, or it is not of this ticket.")
	ErrEmailLinked      = fault.New(fault.Conflict, "identity.email_linked", "This player signs in by an e-mail address already.")
	ErrHashingBusy      = fault.New(fault.Unavailable, "identity.busy", "Too many passwords are being checked; try again shortly.").After(2 * time.Second)
	ErrLoginTaken       = fault.New(fault.Conflict, "identity.login_taken", "This way to sign in already belongs to another player.")
)
