// Package tenancy keeps games and their environments apart.
//
// A project is one game. It has environments (development, staging,
// production, …), and every other record belongs to exactly one of them. Who
// calls is a Principal; what a Principal may reach is a Scope; and no record
// can be touched without a Scope.
//
// The package knows who may act where. It never knows what a player is or how
// a credential travels over HTTP.
package tenancy
