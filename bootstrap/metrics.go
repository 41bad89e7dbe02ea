package bootstrap

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/overworldhq/overworld/app/leaderboards"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/datastore"
)

// watched are the metrics that are looked up when they are asked for, since
// somebody else counts them: the pools of connections, the cache, the
// commits that writers share, and the passwords that are hashed.
type watched struct {
	store datastore.Datastore
	cache cache.Cache
	app   *compose.App
}

var _ prometheus.Collector = watched{}

func watch(metrics *prometheus.Registry, store datastore.Datastore, cache cache.Cache, app *compose.App) error {
	return metrics.Register(watched{store, cache, app})
}

var (
	poolMax   = prometheus.NewDesc("overworld_database_connections_max", "Most connections that a pool may open.", []string{"pool"}, nil)
	poolOpen  = prometheus.NewDesc("overworld_database_connections_open", "Open connections of a pool.", []string{"pool"}, nil)
	poolInUse = prometheus.NewDesc("overworld_database_connections_in_use", "Connections of a pool that are busy.", []string{"pool"}, nil)
	poolWaits = prometheus.NewDesc("overworld_database_waits_total", "Callers that had to wait for a connection of a pool.", []string{"pool"}, nil)
	poolTime  = prometheus.NewDesc("overworld_database_wait_seconds_total", "How long callers waited for a connection of a pool.", []string{"pool"}, nil)

	cacheUp       = prometheus.NewDesc("overworld_cache_up", "1 while this replica reaches its cache.", nil, nil)
	cacheTroubles = prometheus.NewDesc("overworld_cache_troubles_total", "Failures and new connections of the cache: each may have lost what it held.", nil, nil)

	writesWaiting = prometheus.NewDesc("overworld_document_writes_waiting", "Document writes that wait for a commit to leave with.", nil, nil)
	writesRefused = prometheus.NewDesc("overworld_document_writes_refused_total", "Document writes refused because too many waited.", nil, nil)
	writesTotal   = prometheus.NewDesc("overworld_document_writes_total", "Document writes that left with a commit.", nil, nil)
	writeCommits  = prometheus.NewDesc("overworld_document_commits_total", "Commits that document writes shared.", nil, nil)

	runsWaiting = prometheus.NewDesc("overworld_leaderboard_runs_waiting", "Submissions that wait for a commit to leave with.", nil, nil)
	runsRefused = prometheus.NewDesc("overworld_leaderboard_runs_refused_total", "Submissions refused because too many waited.", nil, nil)
	runsTotal   = prometheus.NewDesc("overworld_leaderboard_runs_total", "Submissions that left with a commit.", nil, nil)
	runCommits  = prometheus.NewDesc("overworld_leaderboard_commits_total", "Commits that submissions shared.", nil, nil)

	seasonLate       = prometheus.NewDesc("overworld_season_close_lag_seconds", "How long after their planned end seasons ended, where clocks aren't moved.", nil, nil)
	seasonsDue       = prometheus.NewDesc("overworld_seasons_due", "Seasons whose planned end has come and which this replica's worker could not end.", nil, nil)
	quarantineEvents = prometheus.NewDesc("overworld_quarantines_total", "Quarantines of players that were made and lifted.", []string{"event"}, nil)

	rewardEvents = prometheus.NewDesc("overworld_rewards_total", "Rewards of seasons that were given and claimed.", []string{"event"}, nil)
	indexEvents  = prometheus.NewDesc("overworld_rank_index_events_total", "What happened to rank indexes: built, failed, settled, left behind, and reads without one.", []string{"event"}, nil)

	verified     = prometheus.NewDesc("overworld_rank_index_verified_total", "Entries of rank indexes that this replica's verification compared with the database, found different, and mended.", []string{"result"}, nil)
	verifiedLast = prometheus.NewDesc("overworld_rank_index_last_pass_seconds", "Unix time at which this replica last had verified all rank indexes; 0: not yet.", nil, nil)

	serversWaiting = prometheus.NewDesc("overworld_server_changes_waiting", "Changes of game servers that wait for a commit to leave with.", nil, nil)
	serversRefused = prometheus.NewDesc("overworld_server_changes_refused_total", "Changes of game servers refused because too many waited.", nil, nil)
	serversTotal   = prometheus.NewDesc("overworld_server_changes_total", "Changes of game servers, heartbeats among them, that left with a commit.", nil, nil)
	serverCommits  = prometheus.NewDesc("overworld_server_commits_total", "Commits that changes of game servers shared.", nil, nil)
	serverPictures = prometheus.NewDesc("overworld_server_pictures_total", "How lists of game servers came about: pictures taken, servers fetched for them, pages browsed, and pages answered that nobody had asked for before.", []string{"event"}, nil)
	serversAlive   = prometheus.NewDesc("overworld_servers", "Game servers that are up, in the environments that this replica has heard of within a minute. Replicas count the same ones.", []string{"environment", "region", "mode", "state"}, nil)
	serverSeats    = prometheus.NewDesc("overworld_server_seats", "Their seats: all, and of those the ones with players, reserved and free.", []string{"environment", "region", "mode", "kind"}, nil)

	pollsWaiting = prometheus.NewDesc("overworld_config_polls_waiting", "Long polls of the live configuration that wait for a change.", nil, nil)
	pollsRefused = prometheus.NewDesc("overworld_config_polls_refused_total", "Long polls refused because too many waited.", nil, nil)

	passwordsHashing = prometheus.NewDesc("overworld_passwords_hashing", "Passwords that are being hashed.", nil, nil)
	passwordsWaiting = prometheus.NewDesc("overworld_passwords_waiting", "Passwords that wait to be hashed.", nil, nil)
	passwordsRefused = prometheus.NewDesc("overworld_passwords_refused_total", "Passwords refused because too many waited.", nil, nil)
)

// Describe tells what Collect may give.
func (w watched) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		poolMax, poolOpen, poolInUse, poolWaits, poolTime, cacheUp, cacheTroubles, writesWaiting, writesRefused, writesTotal, writeCommits,
		serversWaiting, serversRefused, serversTotal, serverCommits, serverPictures, serversAlive, serverSeats,
		runsWaiting, runsRefused, runsTotal, runCommits, indexEvents, rewardEvents, seasonLate, seasonsDue, quarantineEvents, verified, verifiedLast, passwordsHashing, passwordsWaiting, passwordsRefused, pollsWaiting, pollsRefused,
	} {
		descriptions <- d
	}
}

// Collect gives what there is now. Adapters of others may not tell.
func (w watched) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}
	if store, ok := w.store.(datastore.Pooled); ok {
		for _, pool := range store.Pools() {
			gauge(poolMax, float64(pool.Max), pool.Name)
			gauge(poolOpen, float64(pool.Open), pool.Name)
			gauge(poolInUse, float64(pool.InUse), pool.Name)
			counter(poolWaits, float64(pool.Waits), pool.Name)
			counter(poolTime, pool.Waited.Seconds(), pool.Name)
		}
	}
	if remote, ok := w.cache.(cache.Remote); ok {
		up, troubles := remote.Link()
		reached := 0.0
		if up {
			reached = 1
		}
		gauge(cacheUp, reached)
		counter(cacheTroubles, float64(troubles))
	}
	writes := w.app.Documents.Writes()
	gauge(writesWaiting, float64(writes.Waiting))
	counter(writesRefused, float64(writes.Refused))
	counter(writesTotal, float64(writes.Left))
	counter(writeCommits, float64(writes.Batches))
	runs := w.app.Leaderboards.Writes()
	gauge(runsWaiting, float64(runs.Waiting))
	counter(runsRefused, float64(runs.Refused))
	counter(runsTotal, float64(runs.Left))
	counter(runCommits, float64(runs.Batches))
	index := w.app.Leaderboards.Index()
	counter(indexEvents, float64(index.Built), "built")
	counter(indexEvents, float64(index.Failed), "failed")
	counter(indexEvents, float64(index.Settled), "settled")
	counter(indexEvents, float64(index.Left), "left")
	counter(indexEvents, float64(index.Without), "without")
	found := w.app.Verifier.Stats()
	counter(verified, float64(found.Compared), "compared")
	counter(verified, float64(found.Drifted), "drifted")
	counter(verified, float64(found.Repaired), "repaired")
	last := 0.0
	if !found.Passed.IsZero() {
		last = float64(found.Passed.UnixMicro()) / 1e6
	}
	gauge(verifiedLast, last)
	seasons := w.app.Leaderboards.SeasonStats()
	within := map[float64]uint64{}
	for i, bound := range leaderboards.LatenessBounds() {
		within[bound.Seconds()] = seasons.Within[i]
	}
	metrics <- prometheus.MustNewConstHistogram(seasonLate, seasons.Ended, seasons.Late.Seconds(), within)
	gauge(seasonsDue, float64(seasons.Due))
	quarantines := w.app.Leaderboards.QuarantineCounts()
	counter(quarantineEvents, float64(quarantines.Made), "made")
	counter(quarantineEvents, float64(quarantines.Lifted), "lifted")
	rewards := w.app.Leaderboards.RewardCounts()
	counter(rewardEvents, float64(rewards.Given), "given")
	counter(rewardEvents, float64(rewards.Claimed), "claimed")
	changes := w.app.Servers.Writes()
	gauge(serversWaiting, float64(changes.Waiting))
	counter(serversRefused, float64(changes.Refused))
	counter(serversTotal, float64(changes.Left))
	counter(serverCommits, float64(changes.Batches))
	pictures := w.app.Servers.Pictures()
	counter(serverPictures, float64(pictures.Taken), "taken")
	counter(serverPictures, float64(pictures.Fetched), "fetched")
	counter(serverPictures, float64(pictures.Browses), "browsed")
	counter(serverPictures, float64(pictures.Answers), "answered")
	for _, g := range w.app.Servers.Census(context.Background()) {
		labels := []string{string(g.Environment), g.Region, g.Mode}
		for state, n := range g.Servers {
			gauge(serversAlive, float64(n), append(labels, string(state))...)
		}
		for kind, n := range map[string]int{"all": g.Seats, "players": g.Players, "reserved": g.Reserved, "free": g.Free} {
			gauge(serverSeats, float64(n), append(labels, kind)...)
		}
	}
	polls := w.app.Configs.Polls()
	gauge(pollsWaiting, float64(polls.Waiting))
	counter(pollsRefused, float64(polls.Refused))
	queue := w.app.Desk.Queue()
	gauge(passwordsHashing, float64(queue.Hashing))
	gauge(passwordsWaiting, float64(queue.Waiting))
	counter(passwordsRefused, float64(queue.Refused))
}
