package jwt

import (
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/tenancy"
)

// Tickets signs and verifies join tickets. The zero value is ready.
//
// Their type and their audience are others than an access token's (RFC 8725,
// 3.11 and 3.12), though the same keys sign both: neither is ever taken for the other.
type Tickets struct{}

var _ registry.Tickets = Tickets{}

// TicketType is typ in a ticket's header.
const TicketType = "ow-join+jwt"

// ticketClaims is the payload; times are whole seconds since 1970.
type ticketClaims struct {
	Issuer     string `json:"iss"`
	Audience   string `json:"aud"`
	Subject    string `json:"sub"`
	ID         string `json:"jti"`
	Server     string `json:"server"`
	Generation int64  `json:"generation"`
	Seat       int    `json:"seat"`
	IssuedAt   int64  `json:"iat"`
	ExpiresAt  int64  `json:"exp"`
}

// audienceOf names the servers of an environment; the access tokens' audience is its id alone.
func audienceOf(environment tenancy.EnvironmentID) string { return string(environment) + "/servers" }

// Sign writes a ticket, with times cut to whole seconds.
func (Tickets) Sign(c registry.TicketClaims, key identity.SigningKey) (string, error) {
	return sign(ticketClaims{
		Issuer: c.Issuer, Audience: audienceOf(c.Environment), Subject: string(c.Player), ID: c.ID, Server: string(c.Server),
		Generation: c.Generation, Seat: c.Seat, IssuedAt: c.IssuedAt.Unix(), ExpiresAt: c.ExpiresAt.Unix(),
	}, TicketType, key)
}

// Verify believes a ticket only if all of it is as Sign would have written it with
// one of the keys, and now is before its end.
func (Tickets) Verify(
	ticket string, keys identity.KeySet, issuer string, environment tenancy.EnvironmentID, server registry.ServerID, now time.Time,
) (registry.TicketClaims, error) {
	if !wellFormed(ticket) {
		return registry.TicketClaims{}, registry.ErrTicket
	}
	var c ticketClaims
	_, err := parser.ParseWithClaims(ticket, &c, func(parsed *jwt.Token) (any, error) {
		keyID, ok := readHeader(parsed, TicketType)
		key, known := keys.Find(keyID, now)
		if !ok || !known {
			return nil, registry.ErrTicket
		}
		return key.Public, nil
	})
	issued, expires := time.Unix(c.IssuedAt, 0).UTC(), time.Unix(c.ExpiresAt, 0).UTC()
	switch {
	case err != nil, c.Issuer != issuer, c.Audience != audienceOf(environment), c.Server != string(server),
		c.Subject == "", c.ID == "", c.Seat < 1, c.Generation < 1, c.IssuedAt < 1, c.ExpiresAt <= c.IssuedAt,
		issued.After(now.Add(MaxAhead)), !now.Before(expires):
		return registry.TicketClaims{}, registry.ErrTicket
	}
	return registry.TicketClaims{
		Issuer: c.Issuer, Environment: environment, Server: server, Generation: c.Generation, Seat: c.Seat,
		Player: identity.PlayerID(c.Subject), ID: c.ID, IssuedAt: issued, ExpiresAt: expires,
	}, nil
}

// The library asks for these; with its check of claims off it doesn't use them.

func (c ticketClaims) GetExpirationTime() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.ExpiresAt, 0)), nil
}
func (c ticketClaims) GetIssuedAt() (*jwt.NumericDate, error) {
	return jwt.NewNumericDate(time.Unix(c.IssuedAt, 0)), nil
}
func (ticketClaims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }
func (c ticketClaims) GetIssuer() (string, error)            { return c.Issuer, nil }
func (c ticketClaims) GetSubject() (string, error)           { return c.Subject, nil }
func (c ticketClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}
