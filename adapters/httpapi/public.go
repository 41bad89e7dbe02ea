package httpapi

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/limiter"
)

// published is every limit that a caller can meet.
type published struct {
	BodyBytes         int                  `json:"body_bytes" doc:"Of a request's body."`
	BodyDepth         int                  `json:"body_depth" doc:"Arrays and objects within each other."`
	DocumentBytes     int                  `json:"document_bytes" doc:"Of a document's value, without white space."`
	DocumentDepth     int                  `json:"document_depth" doc:"Arrays and objects within each other in a document's value."`
	PatchOperations   int                  `json:"patch_operations" doc:"Operations of a JSON patch, and steps of an increment."`
	BatchOperations   int                  `json:"batch_operations" doc:"Operations of a batch of documents."`
	BatchBytes        int                  `json:"batch_bytes" doc:"What the documents of a batch of several operations add up to, as they are, each once, and as each operation leaves them."`
	DocumentRevisions int                  `json:"document_revisions" doc:"States of a document that are kept, what it is now among them."`
	Collections       int                  `json:"collections" doc:"Collections that an environment may declare."`
	SchemaBytes       int                  `json:"schema_bytes" doc:"Of a collection's JSON Schema, without white space."`
	MostRevisions     int                  `json:"collection_revisions" doc:"The most states of a document that a collection may have kept."`
	PasswordHashes    int                  `json:"password_hashes" doc:"Passwords that one replica hashes at once."`
	PasswordQueue     int                  `json:"password_queue" doc:"How many more may wait for that; beyond is 503."`
	PlayerSessions    int                  `json:"player_sessions" doc:"Live sessions of a player. The oldest end when others begin."`
	CodeTries         int                  `json:"code_tries" doc:"Wrong codes until a ticket is gone."`
	VerifyTime        int                  `json:"verify_seconds" doc:"How long a code is good that proves an e-mail address."`
	ResetTime         int                  `json:"reset_seconds" doc:"How long a code is good that gives another password."`
	PageItems         int                  `json:"page_items" doc:"The most that limit can ask for."`
	PageDefault       int                  `json:"page_default" doc:"What a page holds when nobody asks."`
	PageBytes         int                  `json:"page_bytes" doc:"What the values on a page, or in a batch's reply, add up to at most. One that is larger comes alone."`
	RequestTime       int                  `json:"request_seconds" doc:"How long a request may take."`
	Rates             map[string]ratesInfo `json:"rates" doc:"By class of route."`

	Leaderboards       int   `json:"leaderboards" doc:"Leaderboards of an environment."`
	LeaderboardRuns    int   `json:"leaderboard_runs" doc:"Runs of a batch."`
	LeaderboardPlayers int   `json:"leaderboard_players" doc:"Players whose places are asked for at once."`
	SeasonTime         int64 `json:"season_seconds" doc:"The least time between two ends of seasons by a schedule."`

	Servers             int `json:"servers" doc:"Game servers of an environment, dead ones too until they are pruned."`
	ServerMetadataBytes int `json:"server_metadata_bytes" doc:"Of a game server's metadata, without white space."`
	ServerTags          int `json:"server_tags" doc:"Tags of a game server."`
	ServerSeats         int `json:"server_seats" doc:"The most that max_players can be."`
	HeartbeatTime       int `json:"heartbeat_seconds" doc:"How often a game server has to be heard of. After three times that it is gone."`
	SeatTime            int `json:"seat_seconds" doc:"How long a reserved seat is kept."`
	PartyPlayers        int `json:"party_players" doc:"Players of an allocation."`

	Configs          int `json:"configs" doc:"Configs of an environment."`
	ConfigReleases   int `json:"config_releases" doc:"Releases of a config that are kept, with their bundles."`
	ConfigValueBytes int `json:"config_value_bytes" doc:"Of a JSON bundle that is read inline, judged by a schema, and compared."`
	BundleBytes      int `json:"bundle_bytes" doc:"Of a bundle."`
	BundleTime       int `json:"bundle_seconds" doc:"How long the bytes of a bundle may take to arrive, or to be read."`

	ConcurrentRequests int `json:"concurrent_requests" doc:"Requests that each replica serves at once."`
	WaitingRequests    int `json:"waiting_requests" doc:"Requests that wait for that, for up to a second; more are refused with service.overloaded."`
	ReplyBytes         int `json:"reply_bytes" doc:"What replies above 16 KiB that are made and not sent yet add up to in each replica; more are refused with service.overloaded."`
	Connections        int `json:"connections" doc:"Connections that each replica keeps open; more wait to be taken."`
	WaitingPolls       int `json:"waiting_polls" doc:"Long polls that wait in each replica; more are refused with config.too_many_waiting. An environment has at most four times as many as are free."`
	PlayerPolls        int `json:"player_polls" doc:"Of those, how many one player may have; more are refused with config.many_polls."`
	AddressPolls       int `json:"address_polls" doc:"Of those, how many one address may have with a publishable key; more are refused with config.many_polls."`
}

type ratesInfo struct {
	PerCaller  rateInfo `json:"per_caller" doc:"A player, or a key or token that is not publishable. Of email_login and email_inbox: an e-mail address."`
	PerAddress rateInfo `json:"per_address" doc:"A client's address; of IPv6 its /64. Servers are not counted by address. Of email_login and email_inbox: an e-mail address, from one client's address."`
}

type rateInfo struct {
	Limit  int `json:"limit" doc:"Requests a period, on the average."`
	Period int `json:"period_seconds"`
	Burst  int `json:"burst" doc:"Requests at once after a rest."`
}

func limitsOf(l limits.Limits) *published {
	rate := func(r limiter.Rate) rateInfo {
		return rateInfo{Limit: r.Limit, Period: int(wholeSeconds(r.Period)), Burst: r.Burst}
	}
	p := &published{
		BodyBytes: l.BodyBytes, BodyDepth: l.BodyDepth, DocumentBytes: l.DocumentBytes, DocumentDepth: l.DocumentDepth, PatchOperations: l.PatchOperations, BatchOperations: l.BatchOperations, BatchBytes: l.BatchBytes, DocumentRevisions: l.DocumentRevisions, Collections: l.Collections, SchemaBytes: l.SchemaBytes, MostRevisions: l.MostRevisions, PageItems: l.PageItems, PageDefault: l.PageDefault, PageBytes: l.PageBytes,
		Leaderboards: l.Leaderboards, LeaderboardRuns: l.LeaderboardRuns, LeaderboardPlayers: l.LeaderboardPlayers, SeasonTime: wholeSeconds(l.SeasonTime),
		Configs: l.Configs, ConfigReleases: l.ConfigReleases, ConfigValueBytes: l.ConfigValueBytes, BundleBytes: l.BundleBytes, BundleTime: int(wholeSeconds(l.BundleTime)),
		PasswordHashes: l.Hashes(), PasswordQueue: l.PasswordQueue, PlayerSessions: l.PlayerSessions, CodeTries: l.CodeTries, VerifyTime: int(wholeSeconds(l.VerifyTime)), ResetTime: int(wholeSeconds(l.ResetTime)),
		RequestTime: int(wholeSeconds(l.RequestTime)), Rates: map[string]ratesInfo{},
		Servers: l.Servers, ServerMetadataBytes: l.ServerMetadataBytes, ServerTags: l.ServerTags, ServerSeats: l.ServerSeats, HeartbeatTime: int(wholeSeconds(l.HeartbeatTime)), SeatTime: int(wholeSeconds(l.SeatTime)), PartyPlayers: l.PartyPlayers,

		ConcurrentRequests: l.ConcurrentRequests, WaitingRequests: l.WaitingRequests, ReplyBytes: l.ReplyBytes, Connections: l.Connections, WaitingPolls: l.WaitingPolls, PlayerPolls: l.PlayerPolls, AddressPolls: l.AddressPolls,
	}
	for class, rates := range l.Rates {
		p.Rates[string(class)] = ratesInfo{PerCaller: rate(rates.PerCaller), PerAddress: rate(rates.PerAddress)}
	}
	return p
}

// keySet is a JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037).
type keySet struct {
	Keys []webKey `json:"keys"`
}

type webKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	X         string `json:"x"`
}

type keySetInput struct {
	EnvironmentID id `path:"environment_id" doc:"The environment's id: aud of its access tokens."`
}

func publicRoutes(o Options) []route {
	return []route{
		define(route{
			Method: http.MethodGet, Path: "/v1/limits", ID: "getLimits", Tag: "About", Class: limits.Read,
			Summary: "Read every limit of this server",
		}, public(), func(context.Context, *call, *nothing) (*published, error) { return limitsOf(o.Limits), nil }),
		define(route{
			Method: http.MethodGet, Path: "/v1/environments/{environment_id}/jwks.json", ID: "getKeySet", Tag: "About", Class: limits.Read,
			Summary:     "Get the keys that verify an environment's access tokens",
			Description: "A JSON Web Key Set. It may be cached for five minutes: a new key is published ten minutes before it signs.",
		}, public(), func(ctx context.Context, c *call, in *keySetInput) (*keySet, error) {
			keys, err := o.SignIn.PublicKeys(ctx, tenancy.EnvironmentID(in.EnvironmentID))
			if err != nil {
				return nil, err
			}
			set := &keySet{}
			for _, k := range keys {
				set.Keys = append(set.Keys, webKey{
					Type: "OKP", Curve: "Ed25519", ID: k.ID, Use: "sig", Algorithm: "EdDSA", X: base64.RawURLEncoding.EncodeToString(k.Public),
				})
			}
			c.header().Set("Cache-Control", "public, max-age=300")
			return set, nil
		}),
	}
}
