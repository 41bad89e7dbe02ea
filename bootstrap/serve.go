package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"golang.org/x/net/netutil"

	"github.com/overworldhq/overworld/adapters/httpapi"
	"github.com/overworldhq/overworld/app/recent"
	"github.com/overworldhq/overworld/bootstrap/compose"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/bootstrap/tracing"
	"github.com/overworldhq/overworld/bootstrap/workers"
	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/cache"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/datastore"
	"github.com/overworldhq/overworld/ports/ids"
	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/plugin"
	"github.com/overworldhq/overworld/ports/secrets"
)

func newServe(registry *plugin.Registry) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the API and the workers until SIGINT or SIGTERM.

With nothing configured it keeps everything in the folder overworld-data and
migrates its database by itself. The first start makes a project and prints its
credentials, once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd, registry)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), c, registry, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

// spareHeap is address space that is never touched, and so no memory. To the
// garbage collector it is heap in use, as much as which it lets be made anew before it
// runs. What a server keeps is small beside what its requests go through: without it,
// an eighth of the processor's time goes into collections many times a second.
const spareHeap = 64 << 20

// serve runs until ctx ends or a listener fails.
func serve(ctx context.Context, c *config.Config, registry *plugin.Registry, out, log io.Writer) error {
	spare := make([]byte, spareHeap)
	defer runtime.KeepAlive(spare)
	// A password that is hashed keeps one of Go's processors to itself for tens of
	// milliseconds, so there is one more for each. The kernel shares the cores better.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + c.Limits.Hashes()))
	failed := make(chan error, 2)
	app := fx.New(server(ctx, c, registry, newLogger(c, log), out, failed))
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	// A stop that comes meanwhile ends the waiting of a hook, not the start
	// itself, which is then rolled back in order.
	starting, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.StartTimeout())
	defer cancel()
	err := app.Start(starting)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // it was asked to stop, and has
	case err != nil:
		return err
	}
	select {
	case <-ctx.Done():
		err = drain(c.Drain, failed)
	case err = <-failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer cancel()
	return errors.Join(err, app.Stop(stopping))
}

// drain lets the process serve on for a while. Readiness is refused as soon as
// it is asked to stop, so whoever spreads the requests finds out meanwhile, and
// sends none here by the time that nobody listens.
func drain(span time.Duration, failed <-chan error) error {
	over := time.NewTimer(span)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case err := <-failed:
		return err
	}
}

// server is the whole process. Hooks start in the order of the invocations and
// stop in the reverse: first no new requests, then no workers, then what is
// buffered is written, then the adapters close. Waiting at the start ends with stop.
func server(stop context.Context, c *config.Config, registry *plugin.Registry, logger *slog.Logger, out io.Writer, failed chan<- error) fx.Option {
	return fx.Options(
		fx.WithLogger(func() fxevent.Logger { return fxevent.NopLogger }),
		fx.StartTimeout(time.Minute),
		fx.StopTimeout(c.ShutdownTimeout),
		fx.Supply(c, registry, logger),
		fx.Supply(fx.Annotate(stop, fx.As(new(context.Context)))),
		fx.Supply(fx.Annotate(out, fx.As(new(io.Writer)))),
		fx.Supply(failed),
		adapters(),
		fx.Module("use cases", fx.Provide(newPorts, compose.New)),
		fx.Module("telemetry", fx.Provide(newMetrics, newDegradation, newHealth, openTraces)),
		fx.Invoke(closeAdapters, flushTraces, enter, settle, provisionFirstStart, checkMasterKey, flushUses, sendMail, keepFresh, runWorkers, watch, watchHealth, serveMetrics, serveAPI),
	)
}

// adapters are chosen by configuration.
func adapters() fx.Option {
	return fx.Module("adapters", fx.Provide(
		newClock, newIDs, newRandom, newTokens, newSchemas, newCalendar, newIssuer, newVault, newKit, newReplicaID,
		openDatabase, openCache, openBlobs, openMail, newLimiter, newPasswords,
	))
}

func newReplicaID(ids ids.Source) replicaID { return replicaID(ids.New()) }

func newMetrics() *prometheus.Registry {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return metrics
}

func closeAdapters(lc fx.Lifecycle, store datastore.Datastore, cache cache.Cache, blobs blob.Store, mail mail.Sender) {
	lc.Append(fx.StopHook(func() error {
		return errors.Join(mail.Close(), blobs.Close(), cache.Close(), store.Close())
	}))
}

// enter makes sure that the database is there, known and ours to use.
func enter(stop context.Context, lc fx.Lifecycle, c *config.Config, in presenceIn) {
	here, store, logger := &presence{in: in}, in.Store, in.Logger
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(stop, cancel)()
			if err := awaitDatabase(ctx, c, store, logger); err != nil {
				return err
			}
			if store.Exclusive() {
				if err := here.enter(ctx); err != nil {
					return err
				}
				return migrate(ctx, store, logger)
			}
			if err := store.CheckSchema(ctx); err != nil {
				return err
			}
			return here.enter(ctx)
		},
		OnStop: func(ctx context.Context) error { return here.leave(ctx, nil) },
	})
}

// awaitDatabase waits for a database that may yet come up. One that is damaged, or lets nobody in, won't.
func awaitDatabase(ctx context.Context, c *config.Config, store datastore.Datastore, logger *slog.Logger) error {
	address, told := plugin.Redact(c.Database), false
	hopeless := func(err error) bool {
		return errors.Is(err, datastore.ErrDamaged) || errors.Is(err, datastore.ErrRefused)
	}
	err := await(ctx, func(ctx context.Context) (done bool, err error) {
		if err = store.Ping(ctx); err == nil || hopeless(err) {
			return true, err
		}
		if !told {
			logger.Warn("waiting for the database", "database", address, "error", err)
		}
		told = true
		return false, err
	})
	switch {
	case err == nil:
		return nil
	case hopeless(err):
		return fmt.Errorf("%s: %s", address, explain(err))
	}
	return fmt.Errorf("the database %s can't be reached; is it running, and is the address right? %s", address, explain(err))
}

func migrate(ctx context.Context, store datastore.Datastore, logger *slog.Logger) error {
	applied, err := store.Migrate(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if len(applied) > 0 {
		logger.Info("database migrated", "applied", applied)
	}
	return nil
}

// flushEvery is how often the last uses of credentials are stored.
const flushEvery = time.Minute

func flushUses(lc fx.Lifecycle, app *compose.App, logger *slog.Logger) {
	flush := func(ctx context.Context) {
		if err := app.Uses.Flush(ctx); err != nil && ctx.Err() == nil {
			logger.Warn("flush", "error", err)
		}
	}
	background(lc, func(ctx context.Context) { each(ctx, flushEvery, func() { flush(ctx) }) }, flush)
}

// sendMail sends what this process has to mail as soon as that is committed. What
// it doesn't get to, a job of any replica finds.
func sendMail(lc fx.Lifecycle, app *compose.App, logger *slog.Logger) {
	background(lc, func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-app.Outbox.Woken():
				if err := app.Outbox.Deliver(ctx); err != nil && ctx.Err() == nil {
					logger.Warn("mail", "error", err)
				}
			}
		}
	}, nil)
}

// keepFresh has what requests know of environments and leaderboards read again before it is old,
// so that requests needn't. A failure is no matter: they then ask, and say so.
func keepFresh(lc fx.Lifecycle, app *compose.App, logger *slog.Logger) {
	background(lc, func(ctx context.Context) {
		each(ctx, recent.Fresh/2, func() {
			within, cancel := context.WithTimeout(ctx, recent.Lasting)
			defer cancel()
			if err := errors.Join(app.Directory.Refresh(within), app.Leaderboards.Refresh(within)); err != nil && ctx.Err() == nil {
				logger.Debug("what is known could not be refreshed", "error", err)
			}
		})
	}, nil)
}

type workersIn struct {
	fx.In

	Config  *config.Config
	App     *compose.App
	Store   datastore.Datastore
	Clock   clock.Clock
	Logger  *slog.Logger
	Replica replicaID
	Metrics *prometheus.Registry
	Traces  *tracing.Provider
}

func runWorkers(lc fx.Lifecycle, in workersIn) {
	runner := workers.New(in.Store, in.Clock, workers.Options{
		Holder: string(in.Replica), Lease: in.Config.WorkerLease, Logger: in.Logger, Observe: jobMetrics(in.Metrics), Tracer: in.Traces.Tracer(),
	})
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error { runner.Start(in.App.Jobs); return nil },
		OnStop:  runner.Stop,
	})
}

func jobMetrics(metrics *prometheus.Registry) func(string, time.Duration, error) {
	runs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "overworld_job_runs_total", Help: "Runs of each job in this process."}, []string{"job", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "overworld_job_seconds", Help: "How long each job's runs took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 10)}, []string{"job"})
	success := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "overworld_job_last_success_seconds", Help: "Unix time of each job's last success in this process."}, []string{"job"})
	metrics.MustRegister(runs, seconds, success)
	return func(job string, took time.Duration, err error) {
		outcome := "success"
		if err != nil {
			outcome = "failure"
		} else {
			success.WithLabelValues(job).SetToCurrentTime()
		}
		runs.WithLabelValues(job, outcome).Inc()
		seconds.WithLabelValues(job).Observe(took.Seconds())
	}
}

func serveMetrics(lc fx.Lifecycle, c *config.Config, metrics *prometheus.Registry, failed chan<- error) {
	if c.MetricsListen == "" {
		return
	}
	listen(lc, endpoint{
		option: "metrics_listen", address: c.MetricsListen, connections: scrapers, handler: telemetry(c, metrics),
		guard: func(_ *http.Server, listener net.Listener) net.Listener { return listener },
		told:  func(string) {},
	}, failed)
}

// telemetry is what the metrics listener serves.
func telemetry(c *config.Config, metrics *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	if c.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

type apiIn struct {
	fx.In

	Config  *config.Config
	App     *compose.App
	Vault   secrets.Vault
	IDs     ids.Source
	Clock   clock.Clock
	Logger  *slog.Logger
	Health  *health
	Metrics *prometheus.Registry
	Traces  *tracing.Provider
	Out     io.Writer
	Failed  chan<- error
}

func serveAPI(stop context.Context, lc fx.Lifecycle, in apiIn) error {
	api, err := httpapi.New(httpapi.Options{
		Authenticator: in.App.Authenticator, SignIn: in.App.SignIn, Players: in.App.Players, Documents: in.App.Documents, Leaderboards: in.App.Leaderboards, Servers: in.App.Servers, Configs: in.App.Configs,
		Operators: in.App.Operators, Throttle: in.App.Throttle, Ledger: in.App.Ledger, Directory: in.App.Directory,
		Jobs:   in.App.Jobs,
		Limits: in.Config.Limits, TrustedProxies: in.Config.TrustedProxies, Vault: in.Vault, IDs: in.IDs, Clock: in.Clock,
		Logger: in.Logger, Version: version(), Ready: in.Health.ready, Metrics: in.Metrics, Traces: in.Traces.Source(),
	})
	if err != nil {
		return fmt.Errorf("api: %w", err)
	}
	// Stops before the listener, which waits for who is being answered.
	defer lc.Append(fx.StopHook(in.App.Configs.EndWaits))
	listen(lc, endpoint{
		option: "listen", address: in.Config.Listen, connections: in.Config.Limits.Connections, handler: leaving(stop, api),
		guard: func(server *http.Server, listener net.Listener) net.Listener {
			return api.Guard(stop, server, listener)
		},
		told: func(address string) { welcome(in.Out, in.Config, address) },
	}, in.Failed)
	return nil
}

// leaving asks clients, once the process is to stop, to close their connections
// with the reply. One that the server closed could just be carrying a request.
func leaving(stop context.Context, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stop.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	})
}

// scrapers is how many connections the metrics listener keeps open.
const scrapers = 64

// endpoint is what is served where.
type endpoint struct {
	option, address string // and the setting that the address is from
	connections     int    // more wait in the kernel until one closes
	handler         http.Handler
	guard           func(*http.Server, net.Listener) net.Listener // comes between the two
	told            func(address string)                          // is told where it listens indeed
}

// listen serves from start to stop. A stop lets requests finish.
func listen(lc fx.Lifecycle, l endpoint, failed chan<- error) {
	server := &http.Server{
		Handler:           l.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.address)
			if err != nil {
				return fmt.Errorf("%w; is another process there? Choose another address with --%s", err, config.Option{Key: l.option}.Flag())
			}
			go func() {
				if err := server.Serve(l.guard(server, netutil.LimitListener(listener, l.connections))); !errors.Is(err, http.ErrServerClosed) {
					failed <- fmt.Errorf("serve %s: %w", l.address, err)
				}
			}()
			l.told(listener.Addr().String())
			return nil
		},
		OnStop: server.Shutdown,
	})
}
