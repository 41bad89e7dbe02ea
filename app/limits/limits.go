// Package limits is the one place that says how large, how many, how long and
// how often. What it holds is enforced, configurable and published.
package limits

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/overworldhq/overworld/domain/registry"
	"github.com/overworldhq/overworld/domain/storage"
	"github.com/overworldhq/overworld/ports/limiter"
)

// Limits are those of an installation.
type Limits struct {
	// BodyBytes bounds a request body.
	BodyBytes int
	// BodyDepth bounds how deep its JSON nests.
	BodyDepth int
	// DocumentBytes bounds a document's value in its compact form.
	DocumentBytes int
	// DocumentDepth bounds how deep a document's value nests; 1 is an object of scalars.
	DocumentDepth int
	// PatchOperations bounds the operations of a JSON patch and the steps of an increment.
	PatchOperations int
	// BatchOperations bounds the operations of a batch of documents.
	BatchOperations int
	// BatchBytes bounds what the documents of a batch of several operations add up to, as they are stored, each once, and
	// as each of its operations leaves them.
	BatchBytes int
	// DocumentRevisions is how many states of a document are kept, what it is now among them.
	DocumentRevisions int
	// Collections bounds the declarations of an environment.
	Collections int
	// SchemaBytes bounds the JSON Schema of one, in its compact form.
	SchemaBytes int
	// MostRevisions bounds how many states of its documents one may have kept.
	MostRevisions int
	// PasswordHashes is how many passwords this process hashes at once; 0 is half of
	// its cores, and at least one. See Hashes.
	PasswordHashes int
	// PasswordQueue is how many more may wait for that.
	PasswordQueue int
	// PlayerSessions bounds the live sessions of a player: the oldest end when others begin.
	PlayerSessions int
	// CodeTries is how many wrong codes a ticket takes until it is gone.
	CodeTries int
	// VerifyTime is how long a code is good that proves an e-mail address, and
	// ResetTime one that gives another password.
	VerifyTime time.Duration
	ResetTime  time.Duration
	// Leaderboards bounds the leaderboards of an environment.
	Leaderboards int
	// LeaderboardRuns bounds the runs of one batch.
	LeaderboardRuns int
	// LeaderboardPlayers bounds the players whose places are asked for at once.
	LeaderboardPlayers int
	// Servers bounds the game servers of an environment, dead ones too until they are pruned.
	Servers int
	// ServerMetadataBytes and ServerTags bound what a server says of itself, and
	// ServerSeats how many players it may take.
	ServerMetadataBytes int
	ServerTags          int
	ServerSeats         int
	// HeartbeatTime is how often a server has to be heard of. After three times that it is gone.
	HeartbeatTime time.Duration
	// SeatTime is how long a seat is kept for a player who has reserved it.
	SeatTime time.Duration
	// PartyPlayers bounds the players that an allocation is for.
	PartyPlayers int
	// Configs bounds the configs of an environment.
	Configs int
	// ConfigReleases is how many releases of a config are kept, with their bundles.
	ConfigReleases int
	// ConfigValueBytes bounds the JSON bundles that are read inline, checked and compared.
	ConfigValueBytes int
	// BundleBytes bounds a bundle.
	BundleBytes int
	// BundleTime bounds how long the bytes of one may take to arrive, or to be read.
	BundleTime time.Duration
	// SeasonTime is the least time between two ends of seasons by a schedule.
	SeasonTime time.Duration
	// PageItems bounds what one page of a list may hold; PageDefault is a page nobody sized.
	// PageBytes bounds the values on a page of documents, and of a batch's reply; one that is larger comes alone.
	PageItems   int
	PageDefault int
	PageBytes   int
	// RequestTime bounds how long a request may take.
	RequestTime time.Duration
	// ConcurrentRequests is how many requests a replica serves at once, and
	// WaitingRequests how many wait for that; more are refused.
	ConcurrentRequests int
	WaitingRequests    int
	// ReplyBytes bounds what long replies that are made and not sent yet hold of a replica's memory.
	ReplyBytes int
	// Connections is how many client connections a replica keeps open, and
	// WaitingPolls how many of them may wait for a change of the live configuration;
	// more are refused, so that others have connections left.
	Connections  int
	WaitingPolls int
	// PlayerPolls is how many of those one player may have at a replica, and AddressPolls how many an
	// address may with a publishable key.
	PlayerPolls  int
	AddressPolls int
	// Rates are how often each class of route may be called.
	Rates map[Class]Rates
}

// Class groups routes that share rate limits.
type Class string

const (
	// SignIn creates or renews sessions: what an attacker would flood.
	SignIn Class = "sign_in"
	// Read and Write are what the game does while it runs.
	Read  Class = "read"
	Write Class = "write"
	// Operate is what operators and their tools do.
	Operate Class = "operate"
	// TakeSeat is a player's reserving of seats, besides being a Write.
	TakeSeat Class = "take_seat"
	// EmailLogin is guessing an e-mail address's password. The caller is the e-mail
	// address, whoever tries; the address is that e-mail address from one client.
	EmailLogin Class = "email_login"
	// EmailCode is having codes mailed, to whomever.
	EmailCode Class = "email_code"
	// EmailInbox is having them mailed to one e-mail address. The caller is that e-mail address,
	// whoever asks; the address is it for one client: a stranger uses up his own share of it.
	EmailInbox Class = "email_inbox"
)

// Classes lists every class, in the order of the documentation.
func Classes() []Class {
	return []Class{SignIn, Read, Write, Operate, TakeSeat, EmailLogin, EmailCode, EmailInbox}
}

// Rates bound the calls of one class: by each caller (a player, or a
// credential other than a publishable key, which all players share), and by
// each client address.
type Rates struct {
	PerCaller  limiter.Rate
	PerAddress limiter.Rate
}

// Default is what an installation starts from. A server token speaks for
// thousands of players, hence the generous rates a caller.
func Default() Limits {
	perSecond := func(limit, burst int) limiter.Rate {
		return limiter.Rate{Limit: limit, Period: time.Second, Burst: burst}
	}
	return Limits{
		BodyBytes:         1 << 20,
		BodyDepth:         64,
		DocumentBytes:     256 << 10,
		DocumentDepth:     32,
		PatchOperations:   1000,
		DocumentRevisions: 10,
		BatchOperations:   100,
		BatchBytes:        4 << 20,
		Collections:       200,
		SchemaBytes:       64 << 10,
		MostRevisions:     100,
		PasswordQueue:     16,
		PlayerSessions:    100,
		CodeTries:         5,
		VerifyTime:        24 * time.Hour,
		ResetTime:         time.Hour,
		PageItems:         100,
		PageDefault:       50,
		PageBytes:         1 << 20,
		RequestTime:       15 * time.Second,

		Leaderboards:       500,
		LeaderboardRuns:    100,
		LeaderboardPlayers: 100,
		SeasonTime:         time.Hour,

		Servers:             20_000,
		ServerMetadataBytes: 4 << 10,
		ServerTags:          32,
		ServerSeats:         1000,
		HeartbeatTime:       10 * time.Second,
		SeatTime:            time.Minute,
		PartyPlayers:        100,

		Configs:          100,
		ConfigReleases:   100,
		ConfigValueBytes: 256 << 10,
		BundleBytes:      64 << 20,
		BundleTime:       10 * time.Minute,

		ConcurrentRequests: 128,
		WaitingRequests:    128,
		ReplyBytes:         128 << 20,
		Connections:        12_000,
		WaitingPolls:       10_000,
		PlayerPolls:        4,
		AddressPolls:       64,

		Rates: map[Class]Rates{
			SignIn:  {PerCaller: perSecond(20, 60), PerAddress: perSecond(20, 100)},
			Read:    {PerCaller: perSecond(2000, 4000), PerAddress: perSecond(4000, 8000)},
			Write:   {PerCaller: perSecond(1000, 2000), PerAddress: perSecond(2000, 4000)},
			Operate: {PerCaller: perSecond(50, 200), PerAddress: perSecond(100, 400)},
			TakeSeat: {
				PerCaller:  limiter.Rate{Limit: 20, Period: time.Minute, Burst: 10},
				PerAddress: limiter.Rate{Limit: 600, Period: time.Minute, Burst: 120},
			},
			EmailLogin: {
				PerCaller:  limiter.Rate{Limit: 30, Period: time.Minute, Burst: 100},
				PerAddress: limiter.Rate{Limit: 6, Period: time.Minute, Burst: 10},
			},
			EmailCode: {
				PerCaller:  limiter.Rate{Limit: 6, Period: time.Hour, Burst: 5},
				PerAddress: limiter.Rate{Limit: 60, Period: time.Hour, Burst: 30},
			},
			EmailInbox: {
				PerCaller:  limiter.Rate{Limit: 24, Period: time.Hour, Burst: 20},
				PerAddress: limiter.Rate{Limit: 6, Period: time.Hour, Burst: 5},
			},
		},
	}
}

// Check is an error that lists every member out of its range.
func (l Limits) Check() error {
	var faults []error
	within := func(name string, value, low, high int) {
		if value < low || value > high {
			faults = append(faults, fmt.Errorf("limits.%s: %d is not from %d to %d", name, value, low, high))
		}
	}
	within("body_bytes", l.BodyBytes, 1<<10, 64<<20)
	within("body_depth", l.BodyDepth, 4, 1000)
	within("document_bytes", l.DocumentBytes, 64, l.BodyBytes)
	within("document_depth", l.DocumentDepth, 1, max(1, l.BodyDepth-aroundDocuments))
	within("patch_operations", l.PatchOperations, 1, 10_000)
	within("batch_operations", l.BatchOperations, 1, 1000)
	within("batch_bytes", l.BatchBytes, 64<<10, 64<<20)
	within("document_revisions", l.DocumentRevisions, 1, 1000)
	within("collections", l.Collections, 0, 10_000)
	within("schema_bytes", l.SchemaBytes, 2, 1<<20)
	within("collection_revisions", l.MostRevisions, 1, 1000)
	within("password_hashes", l.PasswordHashes, 0, 1024)
	within("password_queue", l.PasswordQueue, 0, 10_000)
	within("player_sessions", l.PlayerSessions, 1, 1000)
	within("code_tries", l.CodeTries, 1, 100)
	within("verify_seconds", int(l.VerifyTime/time.Second), 60, 30*24*3600)
	within("reset_seconds", int(l.ResetTime/time.Second), 60, 24*3600)
	within("leaderboards", l.Leaderboards, 1, 10_000)
	within("leaderboard_runs", l.LeaderboardRuns, 1, 1000)
	within("leaderboard_players", l.LeaderboardPlayers, 1, 1000)
	within("servers", l.Servers, 1, 100_000)
	within("server_metadata_bytes", l.ServerMetadataBytes, 0, 64<<10)
	within("server_tags", l.ServerTags, 0, 1000)
	within("server_seats", l.ServerSeats, 1, 10_000)
	within("heartbeat_seconds", int(l.HeartbeatTime/time.Second), 1, 3600)
	within("seat_seconds", int(l.SeatTime/time.Second), 5, 600)
	within("party_players", l.PartyPlayers, 1, 1000)
	within("configs", l.Configs, 1, 1000)
	within("config_releases", l.ConfigReleases, 2, 10_000)
	within("config_value_bytes", l.ConfigValueBytes, 1<<10, 4<<20)
	within("bundle_bytes", l.BundleBytes, l.ConfigValueBytes, 1<<30)
	within("bundle_seconds", int(l.BundleTime/time.Second), 1, 3600)
	within("season_seconds", int(l.SeasonTime/time.Second), 60, 366*24*3600)
	within("page_items", l.PageItems, 1, 1000)
	within("page_default", l.PageDefault, 1, l.PageItems)
	within("page_bytes", l.PageBytes, 1<<10, 64<<20)
	within("request_seconds", int(l.RequestTime/time.Second), 1, 60)
	within("concurrent_requests", l.ConcurrentRequests, 1, 100_000)
	within("waiting_requests", l.WaitingRequests, 0, 100_000)
	within("reply_bytes", l.ReplyBytes, 64<<10, 64<<30)
	within("connections", l.Connections, 1, 1_000_000)
	within("waiting_polls", l.WaitingPolls, 0, l.Connections-1)
	within("player_polls", l.PlayerPolls, 1, 1_000_000)
	within("address_polls", l.AddressPolls, 1, 1_000_000)
	for _, class := range Classes() {
		rate := func(who string, rate limiter.Rate) {
			if err := (limiter.Ask{Key: string(class), Rate: rate}).Valid(); err != nil {
				faults = append(faults, fmt.Errorf("limits.rates.%s.%s: %w", class, who, err))
			}
		}
		rate("caller", l.Rates[class].PerCaller)
		rate("address", l.Rates[class].PerAddress)
	}
	return errors.Join(faults...)
}

// Hashes is how many passwords are hashed at once.
func (l Limits) Hashes() int {
	if l.PasswordHashes > 0 {
		return l.PasswordHashes
	}
	return max(1, runtime.GOMAXPROCS(0)/2)
}

// aroundDocuments is how deep a request can wrap a value: in a patch within a batch.
const aroundDocuments = 5

// Declarations is the part that bounds declarations.
func (l Limits) Declarations() storage.CollectionLimits {
	return storage.CollectionLimits{SchemaBytes: l.SchemaBytes, ValueBytes: l.DocumentBytes, Revisions: l.MostRevisions}
}

// Registry is the part that game servers care for.
func (l Limits) Registry() registry.Limits {
	return registry.Limits{MetadataBytes: l.ServerMetadataBytes, Tags: l.ServerTags, Seats: l.ServerSeats}
}

// Storage is the part that documents care for.
func (l Limits) Storage() storage.EditLimits {
	return storage.EditLimits{Limits: storage.Limits{ValueBytes: l.DocumentBytes}, Depth: l.DocumentDepth, Operations: l.PatchOperations}
}
