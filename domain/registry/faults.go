package registry

import (
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

var (
	ErrServerNotFound = fault.New(fault.NotFound, "registry.server_not_found", "There is no such server, or it has not been heard of for too long.")
	// ErrSuperseded refuses a process whose id was registered again.
	ErrSuperseded = fault.New(fault.Conflict, "registry.superseded", "This server's id was registered again; the generation is not the current one.")
	// ErrDeregistered refuses a process whose registration was ended.
	ErrDeregistered = fault.New(fault.Conflict, "registry.deregistered", "This registration was ended; register again to be listed.")
	ErrFull         = fault.New(fault.Conflict, "registry.full", "The server has not as many free seats.")
	ErrNotReady     = fault.New(fault.Conflict, "registry.not_ready", "The server gives no new seats: it is starting or draining.")
	ErrNotSeated    = fault.New(fault.NotFound, "registry.player_not_seated", "The player has no seat on this server.")
	// ErrTicket refuses a ticket that says nothing about this server.
	ErrTicket = fault.New(fault.Invalid, "registry.ticket_invalid", "This ticket is forged, has expired, or is for another server or generation.")
	// ErrTicketUsed refuses a ticket that was good.
	ErrTicketUsed = fault.New(fault.Conflict, "registry.ticket_used", "This ticket was used, or its seat was given up.")
	// ErrNoneAvailable is an allocation that found no server.
	ErrNoneAvailable  = fault.New(fault.Conflict, "registry.none_available", "No ready server that fits has as many free seats.").After(2 * time.Second)
	ErrTooManyServers = fault.New(fault.Conflict, "registry.too_many_servers", "The environment has as many servers as it may.")
	// ErrBrowsingClosed refuses those whom the environment doesn't show its servers.
	ErrBrowsingClosed = fault.New(fault.Forbidden, "registry.browsing_closed", "This environment doesn't show its servers to this kind of caller.")
	// ErrServerStale is the loss of a race, which is best run again.
	ErrServerStale = fault.New(fault.Conflict, "registry.server_raced", "Another writer was first.")
)
