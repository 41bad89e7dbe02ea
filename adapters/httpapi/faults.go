package httpapi

import (
	"net/http"

	"github.com/overworldhq/overworld/domain/fault"
)

// Faults of the request itself, before any domain has seen it.
var (
	errRoute       = fault.New(fault.NotFound, "request.unknown_route", "There is nothing at this path.")
	errMethod      = fault.New(fault.NotFound, "request.method_not_allowed", "This path does not know this method; see Allow.")
	errBody        = fault.New(fault.Malformed, "request.malformed_json", "The body can't be read as JSON.")
	errParameter   = fault.New(fault.Malformed, "request.malformed_parameter", "Some parameters can't be read or are not known here; each is listed under errors.")
	errCursor      = fault.New(fault.Malformed, "request.invalid_cursor", "This cursor is not one that this query gave.")
	errBodySize    = fault.New(fault.TooLarge, "request.too_large", "The body is larger than this server accepts.")
	errRange       = fault.New(fault.Invalid, "request.range_not_satisfiable", "The content doesn't have these bytes; Content-Range tells how many there are.")
	errCutOff      = fault.New(fault.Malformed, "request.cut_off", "The body ended before it was whole.")
	errContentType = fault.New(fault.Unsupported, "request.unsupported_media_type", "Send the body as Content-Type: application/json, in UTF-8 and not compressed.")
	errOrigin      = fault.New(fault.Forbidden, "request.origin_not_allowed", "The environment doesn't list the web page's origin in cors_origins.")
	errKeySecret   = fault.New(fault.Invalid, "idempotency.secret_required", "With an Idempotency-Key, send the device's own secret.").
			WithFields(fault.Body("/device_secret", "required", "This member is needed with an Idempotency-Key."))
	errProblem = fault.New(fault.NotFound, "request.unknown_problem", "There is no problem of this name.")
)

// statuses is the one place where kinds of faults become HTTP statuses.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Malformed:       http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusPreconditionFailed,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.TooMany:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Timeout:         http.StatusGatewayTimeout,
}

// statusOf gives the status of a fault. A method that a path doesn't know is
// one of two things that only HTTP has a kind for.
func statusOf(f *fault.Fault) int {
	switch f.Code {
	case errMethod.Code:
		return http.StatusMethodNotAllowed
	case errRange.Code:
		return http.StatusRequestedRangeNotSatisfiable
	}
	return statuses[f.Kind]
}

// parameter is a fault of a parameter in the path, the query or a header.
func parameter(in, name, code, detail string, args ...any) fault.Field {
	field := fault.Body(pointerTo("", name), code, detail, args...)
	field.In = in
	return field
}
