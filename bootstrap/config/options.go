package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/identity"
	"github.com/overworldhq/overworld/ports/limiter"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Option is one thing that can be set.
type Option struct {
	Key     string // in files: "metrics_listen", "limits.body_bytes"
	Default string
	Help    string
	// Secret values are never shown, and URLs have their passwords hidden.
	Secret bool
	IsURL  bool

	read func(*Config, string) error
}

// Shown gives the value as it may be shown.
func (s Setting) Shown() string {
	switch {
	case s.Value == "":
		return ""
	case s.Secret:
		return "(set)"
	case s.IsURL:
		return plugin.Redact(s.Value)
	}
	return s.Value
}

// Options are all there is to set, in the order of the documentation.
func Options() []Option {
	base := limits.Default()
	options := []Option{
		{Key: "listen", Default: "127.0.0.1:8420", Help: "address the API listens on, as host:port", read: address(func(c *Config) *string { return &c.Listen }, false)},
		{Key: "metrics_listen", Default: "127.0.0.1:8421", Help: "address /metrics listens on, or 'off'", read: address(func(c *Config) *string { return &c.MetricsListen }, true)},
		{Key: "pprof", Default: "false", Help: "true adds Go's profiles at /debug/pprof/ on metrics_listen", read: truth(func(c *Config) *bool { return &c.Pprof })},
		{Key: "data", Default: "overworld-data", Help: "folder of the embedded database, objects and master key", read: required(func(c *Config) *string { return &c.Data })},
		{Key: "database", Help: "sqlite:// or postgres:// URL; SQLite in the data folder when empty", IsURL: true, read: optional(func(c *Config) *string { return &c.Database })},
		{Key: "cache", Default: "memory://", Help: "memory://, for one process, or redis:// URL, for several", IsURL: true, read: required(func(c *Config) *string { return &c.Cache })},
		{Key: "blobs", Help: "file:// or s3:// URL; a folder in the data folder when empty", IsURL: true, read: optional(func(c *Config) *string { return &c.Blobs })},
		{Key: "mail", Default: "log://", Help: "smtp:// or smtps:// URL of the mail server, or log://, which writes mail to the log", IsURL: true, read: required(func(c *Config) *string { return &c.Mail })},
		{Key: "mail_from", Default: "noreply@overworld.invalid", Help: "e-mail address that mail comes from", read: mailFrom},
		{Key: "master_key", Help: "32 bytes, in hexadecimal or base64, that lock the signing keys; made and kept in the data folder when empty and the database is embedded", Secret: true, read: optional(func(c *Config) *string { return &c.MasterKey })},
		{Key: "issuer", Default: "overworld", Help: "the iss of access tokens; all replicas share it", read: required(func(c *Config) *string { return &c.Issuer })},
		{Key: "trusted_proxies", Help: "networks, separated by commas, whose X-Forwarded-For is believed", read: networks},
		{Key: "log_level", Default: "info", Help: "debug, info, warn or error", read: logLevel},
		{Key: "log_format", Default: "auto", Help: "text, json, or auto: text on a terminal", read: oneOf(func(c *Config) *string { return &c.LogFormat }, "auto", "text", "json")},
		{Key: "traces", Help: "http:// or https:// URL of a collector that spans are sent to, by OTLP, such as http://localhost:4318; nothing is traced when empty", IsURL: true, read: collector},
		{Key: "traces_ratio", Default: "0.1", Help: "share of requests that are traced, from 0 to 1, where the caller's traceparent doesn't decide", read: ratio},
		{Key: "drain_seconds", Default: "0", Help: "how long a stop goes on serving while /readyz says stopping; behind a load balancer, longer than it takes to notice", read: seconds(func(c *Config) *time.Duration { return &c.Drain }, 0, 600)},
		{Key: "shutdown_seconds", Default: "20", Help: "longest a graceful stop may take, once it is drained", read: seconds(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, 1, 600)},
		{Key: "worker_lease_seconds", Default: "15", Help: "how long after a replica dies another takes over its job", read: seconds(func(c *Config) *time.Duration { return &c.WorkerLease }, 1, 600)},
		{Key: "limits.body_bytes", Default: strconv.Itoa(base.BodyBytes), Help: "largest request body, in bytes", read: whole(func(c *Config) *int { return &c.Limits.BodyBytes })},
		{Key: "limits.body_depth", Default: strconv.Itoa(base.BodyDepth), Help: "how deep JSON may nest", read: whole(func(c *Config) *int { return &c.Limits.BodyDepth })},
		{Key: "limits.document_bytes", Default: strconv.Itoa(base.DocumentBytes), Help: "largest document value, in bytes of compact JSON", read: whole(func(c *Config) *int { return &c.Limits.DocumentBytes })},
		{Key: "limits.document_depth", Default: strconv.Itoa(base.DocumentDepth), Help: "how deep a document value may nest; at least 5 less than limits.body_depth", read: whole(func(c *Config) *int { return &c.Limits.DocumentDepth })},
		{Key: "limits.patch_operations", Default: strconv.Itoa(base.PatchOperations), Help: "most operations of one JSON patch, and steps of one increment", read: whole(func(c *Config) *int { return &c.Limits.PatchOperations })},
		{Key: "limits.batch_bytes", Default: strconv.Itoa(base.BatchBytes), Help: "most bytes of the documents of a batch, before and after", read: whole(func(c *Config) *int { return &c.Limits.BatchBytes })},
		{Key: "limits.batch_operations", Default: strconv.Itoa(base.BatchOperations), Help: "most operations of one batch of documents", read: whole(func(c *Config) *int { return &c.Limits.BatchOperations })},
		{Key: "limits.document_revisions", Default: strconv.Itoa(base.DocumentRevisions), Help: "how many states of a document are kept, the current one among them", read: whole(func(c *Config) *int { return &c.Limits.DocumentRevisions })},
		{Key: "limits.collections", Default: strconv.Itoa(base.Collections), Help: "most collections that an environment may declare", read: whole(func(c *Config) *int { return &c.Limits.Collections })},
		{Key: "limits.schema_bytes", Default: strconv.Itoa(base.SchemaBytes), Help: "largest JSON Schema of a collection, in bytes of compact JSON", read: whole(func(c *Config) *int { return &c.Limits.SchemaBytes })},
		{Key: "limits.collection_revisions", Default: strconv.Itoa(base.MostRevisions), Help: "most states of a document that a collection may have kept", read: whole(func(c *Config) *int { return &c.Limits.MostRevisions })},
		{Key: "limits.password_hashes", Default: strconv.Itoa(base.PasswordHashes), Help: "most passwords one process hashes at once; 0 is half of its cores, at least one", read: whole(func(c *Config) *int { return &c.Limits.PasswordHashes })},
		{Key: "limits.password_queue", Default: strconv.Itoa(base.PasswordQueue), Help: "how many more passwords may wait to be hashed; beyond is 503", read: whole(func(c *Config) *int { return &c.Limits.PasswordQueue })},
		{Key: "limits.player_sessions", Default: strconv.Itoa(base.PlayerSessions), Help: "live sessions of a player; the oldest end when others begin", read: whole(func(c *Config) *int { return &c.Limits.PlayerSessions })},
		{Key: "limits.code_tries", Default: strconv.Itoa(base.CodeTries), Help: "wrong codes until a ticket is gone", read: whole(func(c *Config) *int { return &c.Limits.CodeTries })},
		{Key: "limits.verify_seconds", Default: strconv.Itoa(int(base.VerifyTime / time.Second)), Help: "how long a mailed code is good that proves an address", read: seconds(func(c *Config) *time.Duration { return &c.Limits.VerifyTime }, 60, 30*24*3600)},
		{Key: "limits.reset_seconds", Default: strconv.Itoa(int(base.ResetTime / time.Second)), Help: "how long a mailed code is good that gives another password", read: seconds(func(c *Config) *time.Duration { return &c.Limits.ResetTime }, 60, 24*3600)},
		{Key: "limits.leaderboards", Default: strconv.Itoa(base.Leaderboards), Help: "most leaderboards of an environment", read: whole(func(c *Config) *int { return &c.Limits.Leaderboards })},
		{Key: "limits.leaderboard_runs", Default: strconv.Itoa(base.LeaderboardRuns), Help: "most runs of one batch", read: whole(func(c *Config) *int { return &c.Limits.LeaderboardRuns })},
		{Key: "limits.leaderboard_players", Default: strconv.Itoa(base.LeaderboardPlayers), Help: "most players whose places are asked for at once", read: whole(func(c *Config) *int { return &c.Limits.LeaderboardPlayers })},
		{Key: "limits.servers", Default: strconv.Itoa(base.Servers), Help: "most game servers of an environment, dead ones too until they are pruned", read: whole(func(c *Config) *int { return &c.Limits.Servers })},
		{Key: "limits.server_metadata_bytes", Default: strconv.Itoa(base.ServerMetadataBytes), Help: "largest metadata of a game server, in bytes of compact JSON", read: whole(func(c *Config) *int { return &c.Limits.ServerMetadataBytes })},
		{Key: "limits.server_tags", Default: strconv.Itoa(base.ServerTags), Help: "most tags of a game server", read: whole(func(c *Config) *int { return &c.Limits.ServerTags })},
		{Key: "limits.server_seats", Default: strconv.Itoa(base.ServerSeats), Help: "most players that a game server may take", read: whole(func(c *Config) *int { return &c.Limits.ServerSeats })},
		{Key: "limits.heartbeat_seconds", Default: strconv.Itoa(int(base.HeartbeatTime / time.Second)), Help: "how often a game server has to be heard of; after three times that it is gone", read: seconds(func(c *Config) *time.Duration { return &c.Limits.HeartbeatTime }, 1, 3600)},
		{Key: "limits.seat_seconds", Default: strconv.Itoa(int(base.SeatTime / time.Second)), Help: "how long a reserved seat is kept for its player", read: seconds(func(c *Config) *time.Duration { return &c.Limits.SeatTime }, 5, 600)},
		{Key: "limits.party_players", Default: strconv.Itoa(base.PartyPlayers), Help: "most players that an allocation is for", read: whole(func(c *Config) *int { return &c.Limits.PartyPlayers })},
		{Key: "limits.configs", Default: strconv.Itoa(base.Configs), Help: "most configs of an environment", read: whole(func(c *Config) *int { return &c.Limits.Configs })},
		{Key: "limits.config_releases", Default: strconv.Itoa(base.ConfigReleases), Help: "releases of a config that are kept, with their bundles", read: whole(func(c *Config) *int { return &c.Limits.ConfigReleases })},
		{Key: "limits.config_value_bytes", Default: strconv.Itoa(base.ConfigValueBytes), Help: "largest JSON bundle that is read inline, judged by a schema, and compared", read: whole(func(c *Config) *int { return &c.Limits.ConfigValueBytes })},
		{Key: "limits.bundle_bytes", Default: strconv.Itoa(base.BundleBytes), Help: "largest bundle, in bytes", read: whole(func(c *Config) *int { return &c.Limits.BundleBytes })},
		{Key: "limits.bundle_seconds", Default: strconv.Itoa(int(base.BundleTime / time.Second)), Help: "longest that the bytes of a bundle may take to arrive, or to be read", read: seconds(func(c *Config) *time.Duration { return &c.Limits.BundleTime }, 1, 3600)},
		{Key: "limits.season_seconds", Default: strconv.Itoa(int(base.SeasonTime / time.Second)), Help: "least time between two ends of seasons by a leaderboard's schedule", read: seconds(func(c *Config) *time.Duration { return &c.Limits.SeasonTime }, 60, 366*24*3600)},
		{Key: "limits.page_items", Default: strconv.Itoa(base.PageItems), Help: "most items on a page", read: whole(func(c *Config) *int { return &c.Limits.PageItems })},
		{Key: "limits.page_default", Default: strconv.Itoa(base.PageDefault), Help: "items on a page when nothing is said", read: whole(func(c *Config) *int { return &c.Limits.PageDefault })},
		{Key: "limits.page_bytes", Default: strconv.Itoa(base.PageBytes), Help: "most bytes that the values on a page add up to, but for a single one", read: whole(func(c *Config) *int { return &c.Limits.PageBytes })},
		{Key: "limits.request_seconds", Default: strconv.Itoa(int(base.RequestTime / time.Second)), Help: "longest a request may take", read: seconds(func(c *Config) *time.Duration { return &c.Limits.RequestTime }, 1, 60)},
		{Key: "limits.concurrent_requests", Default: strconv.Itoa(base.ConcurrentRequests), Help: "requests that this process serves at once", read: whole(func(c *Config) *int { return &c.Limits.ConcurrentRequests })},
		{Key: "limits.waiting_requests", Default: strconv.Itoa(base.WaitingRequests), Help: "requests that may wait for that, up to a second; more are refused with 503", read: whole(func(c *Config) *int { return &c.Limits.WaitingRequests })},
		{Key: "limits.reply_bytes", Default: strconv.Itoa(base.ReplyBytes), Help: "bytes of replies that are made and not sent yet in this process; more are refused with 503", read: whole(func(c *Config) *int { return &c.Limits.ReplyBytes })},
		{Key: "limits.connections", Default: strconv.Itoa(base.Connections), Help: "client connections that this process keeps open; more wait to be taken", read: whole(func(c *Config) *int { return &c.Limits.Connections })},
		{Key: "limits.waiting_polls", Default: strconv.Itoa(base.WaitingPolls), Help: "long polls of the live configuration that may wait in this process, fewer than connections; more are refused with 503", read: whole(func(c *Config) *int { return &c.Limits.WaitingPolls })},
		{Key: "limits.player_polls", Default: strconv.Itoa(base.PlayerPolls), Help: "of those, how many one player may have; more are refused with 429", read: whole(func(c *Config) *int { return &c.Limits.PlayerPolls })},
		{Key: "limits.address_polls", Default: strconv.Itoa(base.AddressPolls), Help: "of those, how many one client address may have with a publishable key; more are refused with 429", read: whole(func(c *Config) *int { return &c.Limits.AddressPolls })},
	}
	for _, class := range limits.Classes() {
		rates := base.Rates[class]
		options = append(options,
			Option{Key: "limits.rates." + string(class) + ".caller", Default: WriteRate(rates.PerCaller), Help: "rate of " + string(class) + " calls for each caller, a number /s, /m or /h and a burst", read: rate(class, func(r *limits.Rates) *limiter.Rate { return &r.PerCaller })},
			Option{Key: "limits.rates." + string(class) + ".address", Default: WriteRate(rates.PerAddress), Help: "rate of " + string(class) + " calls for each client address", read: rate(class, func(r *limits.Rates) *limiter.Rate { return &r.PerAddress })},
		)
	}
	return options
}

var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

// WriteRate writes a rate as the configuration reads it: "20/s burst 60".
func WriteRate(r limiter.Rate) string {
	for unit, period := range rateUnits {
		if period == r.Period {
			return fmt.Sprintf("%d/%s burst %d", r.Limit, unit, r.Burst)
		}
	}
	return fmt.Sprintf("%d/%s burst %d", r.Limit, r.Period, r.Burst)
}

func readRate(v string) (limiter.Rate, error) {
	malformed := errors.New("write it as 20/s burst 60, with s, m or h")
	amount, burst, hasBurst := strings.Cut(v, " burst ")
	count, unit, ok := strings.Cut(amount, "/")
	period, known := rateUnits[unit]
	limit, err := strconv.Atoi(count)
	if !ok || !known || err != nil {
		return limiter.Rate{}, malformed
	}
	r := limiter.Rate{Limit: limit, Period: period, Burst: limit}
	if hasBurst {
		if r.Burst, err = strconv.Atoi(burst); err != nil {
			return r, malformed
		}
	}
	return r, nil
}

func rate(class limits.Class, member func(*limits.Rates) *limiter.Rate) func(*Config, string) error {
	return func(c *Config, v string) error {
		r, err := readRate(v)
		if err != nil {
			return err
		}
		rates := c.Limits.Rates[class]
		*member(&rates) = r
		c.Limits.Rates[class] = rates
		return nil
	}
}

func optional(member func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*member(c) = v
		return nil
	}
}

func required(member func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*member(c) = v
		if v == "" {
			return errors.New("must not be empty")
		}
		return nil
	}
}

func oneOf(member func(*Config) *string, words ...string) func(*Config, string) error {
	return func(c *Config, v string) error {
		for _, word := range words {
			if v == word {
				*member(c) = v
				return nil
			}
		}
		return fmt.Errorf("%q is not one of %s", v, strings.Join(words, ", "))
	}
}

func mailFrom(c *Config, v string) (err error) {
	if c.MailFrom, err = identity.NewAddress("", v); err != nil {
		return fmt.Errorf("%q is not an e-mail address", v)
	}
	return nil
}

func truth(member func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		if v != "true" && v != "false" {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*member(c) = v == "true"
		return nil
	}
}

func address(member func(*Config) *string, mayBeOff bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		if mayBeOff && v == "off" {
			*member(c) = ""
			return nil
		}
		_, port, err := net.SplitHostPort(v)
		if err != nil {
			return fmt.Errorf("%q is not host:port", v)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return fmt.Errorf("%q is not a port", port)
		}
		*member(c) = v
		return nil
	}
}

func logLevel(c *Config, v string) error {
	if c.LogLevel.UnmarshalText([]byte(v)) != nil {
		return fmt.Errorf("%q is not one of debug, info, warn, error", v)
	}
	return nil
}

func collector(c *Config, v string) error {
	c.Traces = v
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		// The value isn't repeated: there may be a password in it.
		return errors.New("not an http or https URL of a host, without a user in it")
	}
	return nil
}

func ratio(c *Config, v string) error {
	share, err := strconv.ParseFloat(v, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return fmt.Errorf("%q is not a number from 0 to 1", v)
	}
	c.TracesRatio = share
	return nil
}

func networks(c *Config, v string) error {
	for _, word := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		prefix, err := netip.ParsePrefix(word)
		if err != nil {
			one, err := netip.ParseAddr(word)
			if err != nil {
				return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", word)
			}
			one = one.Unmap() // callers' addresses are compared unmapped
			prefix = netip.PrefixFrom(one, one.BitLen())
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix.Masked())
	}
	return nil
}

func whole(member func(*Config) *int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", v)
		}
		*member(c) = n
		return nil
	}
}

func seconds(member func(*Config) *time.Duration, low, high int) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a number of seconds from %d to %d", v, low, high)
		}
		*member(c) = time.Duration(n) * time.Second
		return nil
	}
}

// local is the URL of something in the data folder.
func local(scheme, data, name string) string {
	return (&url.URL{Scheme: scheme, Path: filepath.ToSlash(filepath.Join(data, name))}).String()
}
