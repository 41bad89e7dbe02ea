package config_test

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"pgregory.net/rapid"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/bootstrap/config"
	"github.com/overworldhq/overworld/ports/limiter"
)

// load decides the options from a command line, an environment, and a file if its text is not empty.
func load(t testing.TB, args, environ []string, name, text string) (*config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("overworld", pflag.ContinueOnError)
	config.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if text != "" {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, "OVERWORLD_CONFIG="+path)
	}
	return config.Load(flags, environ)
}

func setting(t testing.TB, c *config.Config, key string) config.Setting {
	t.Helper()
	i := slices.IndexFunc(c.Settings(), func(s config.Setting) bool { return s.Key == key })
	if i < 0 {
		t.Fatalf("there is no setting %s", key)
	}
	return c.Settings()[i]
}

func TestFlagsGoOverEnvironmentOverFileOverDefaults(t *testing.T) {
	const file = "listen: 0.0.0.0:1\nissuer: from-file\nlog_level: warn\nlimits:\n  page_items: 111\n"
	environ := []string{"OVERWORLD_LISTEN=0.0.0.0:2", "OVERWORLD_ISSUER=from-environment", "OVERWORLD_LIMITS_PAGE_ITEMS=112", "PATH=/bin"}
	c, err := load(t, []string{"--listen=0.0.0.0:3", "--limits.page-items=113"}, environ, "o.yaml", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct{ key, value, source string }{
		{"listen", "0.0.0.0:3", "flag"},
		{"limits.page_items", "113", "flag"},
		{"issuer", "from-environment", "environment"},
		{"log_level", "warn", "file"},
		{"log_format", "auto", "default"},
	} {
		if s := setting(t, c, w.key); s.Value != w.value || s.Source != w.source {
			t.Errorf("%s is %q from %s, want %q from %s", w.key, s.Value, s.Source, w.value, w.source)
		}
	}
	if c.Listen != "0.0.0.0:3" || c.Limits.PageItems != 113 || c.Issuer != "from-environment" || c.LogLevel != slog.LevelWarn || c.LogFormat != "auto" {
		t.Errorf("the settings did not arrive: %+v", c)
	}
}

func TestTheFlagNamesTheFileOverTheVariable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.toml")
	if err := os.WriteFile(path, []byte("issuer = \"mine\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, []string{"--config", path}, nil, "other.yaml", "issuer: other\n")
	if err != nil || c.Issuer != "mine" {
		t.Errorf("issuer %q, %v", c.Issuer, err)
	}
}

func TestBothFileFormatsSayTheSame(t *testing.T) {
	for name, text := range map[string]string{
		"o.yaml": "metrics_listen: off\nshutdown_seconds: 5\ntrusted_proxies: [10.1.2.3/8, 192.0.2.7, '::ffff:192.0.2.8']\nlimits:\n  document_bytes: 1000\n  rates:\n    sign_in:\n      caller: 5/m burst 2\n",
		"o.toml": "metrics_listen = 'off'\nshutdown_seconds = 5\ntrusted_proxies = ['10.1.2.3/8', '192.0.2.7', '::ffff:192.0.2.8']\n[limits]\ndocument_bytes = 1000\n[limits.rates.sign_in]\ncaller = '5/m burst 2'\n",
	} {
		c, err := load(t, nil, nil, name, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("192.0.2.8/32")}
		if c.MetricsListen != "" || c.ShutdownTimeout != 5*time.Second || !slices.Equal(c.TrustedProxies, proxies) || c.Limits.DocumentBytes != 1000 {
			t.Errorf("%s: %+v", name, c)
		}
		rates := c.Limits.Rates[limits.SignIn]
		if rates.PerCaller != (limiter.Rate{Limit: 5, Period: time.Minute, Burst: 2}) || rates.PerAddress != limits.Default().Rates[limits.SignIn].PerAddress {
			t.Errorf("%s: %+v", name, rates)
		}
	}
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	_, err := load(t,
		[]string{"--listen=nowhere", "--log-format=xml"},
		[]string{"OVERWORLD_LISTN=x", "OVERWORLD_LOG_LEVEL=loud", "OVERWORLD_TRACES=grpc://me:hidden@x", "OVERWORLD_TRACES_RATIO=1.1", "OVERWORLD_TEST_POSTGRES=postgres://ours", "OVERWORLD_LIMITS_PAGE_ITEMS=0"},
		"o.yaml", "isuer: x\ndata: ''\nlimits:\n  body_bytes: many\n  rates:\n    read: {caller: 7, sender: 5/s}\n    write: {caller: 1/h burst 1000000}\ntrusted_proxies: [10.0.0.0/8, here]\nworker_lease_seconds: 0\n")
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{
		"listen (from flag)", "log_format (from flag)", "log_level (from environment)", "OVERWORLD_LISTN",
		"isuer", "data (from file)", "limits.body_bytes (from file)", "limits.rates.read.caller (from file)", "limits.rates.read.sender",
		"limits.rates.write.caller", "trusted_proxies (from file)", "worker_lease_seconds (from file)", "limits.page_items: 0",
		"traces (from environment)", "traces_ratio (from environment)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing is said of %s", want)
		}
	}
	if lines := strings.Count(err.Error(), "\n") + 1; lines > 17 || strings.Contains(err.Error(), "TEST_POSTGRES") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("%d lines:\n%v", lines, err)
	}
}

func TestFilesThatCantBeRead(t *testing.T) {
	for name, text := range map[string]string{"o.json": "{}", "o.yaml": "listen: [", "o.toml": "listen ="} {
		if _, err := load(t, nil, nil, name, text); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := load(t, []string{"--config=/nowhere/o.yaml", "--listen=x"}, nil, "", "")
	if err == nil || !strings.Contains(err.Error(), "/nowhere/o.yaml") || !strings.Contains(err.Error(), "listen") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	const key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	c, err := load(t, nil, []string{
		"OVERWORLD_MASTER_KEY=" + key,
		"OVERWORLD_DATABASE=postgres://app:hunter2@db/overworld?sslmode=require",
		"OVERWORLD_CACHE=redis://:hunter2@cache:6379",
		"OVERWORLD_BLOBS=s3://id:hunter2@store/bucket?secret_key=hunter2",
	}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		if shown := s.Shown(); strings.Contains(shown, "hunter2") || strings.Contains(shown, key[:8]) {
			t.Errorf("%s shows %s", s.Key, shown)
		}
	}
	if s := setting(t, c, "database").Shown(); !strings.Contains(s, "app:xxxxx@db/overworld?sslmode=require") {
		t.Errorf("nothing is left of the database: %s", s)
	}
	if s := setting(t, c, "master_key").Shown(); s != "(set)" {
		t.Errorf("master key shows %q", s)
	}
	if c.MasterKey != key || !strings.Contains(c.Database, "hunter2") {
		t.Error("what is used is redacted, too")
	}
}

func TestNothingConfiguredMeansTheDataFolder(t *testing.T) {
	data := t.TempDir()
	c, err := load(t, []string{"--data", data}, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Database != "sqlite://"+filepath.ToSlash(data)+"/overworld.db" || c.Blobs != "file://"+filepath.ToSlash(data)+"/blobs" || c.Cache != "memory://" {
		t.Errorf("database %s, blobs %s, cache %s", c.Database, c.Blobs, c.Cache)
	}
	if s := setting(t, c, "database"); s.Value != c.Database || s.Source != "default" {
		t.Errorf("database is shown as %q from %s", s.Value, s.Source)
	}
	if err := c.Limits.Check(); err != nil || c.WorkerLease != 15*time.Second {
		t.Errorf("lease %s, limits: %v", c.WorkerLease, err)
	}
	if c, err := load(t, nil, nil, "", ""); err != nil || !filepath.IsAbs(c.Data) {
		t.Errorf("data %s, %v", c.Data, err)
	}
}

func TestTruthIsTrueOrFalse(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "false": false} {
		if c, err := load(t, []string{"--pprof=" + value}, nil, "", ""); err != nil || c.Pprof != want {
			t.Errorf("%s: %v, %v", value, c.Pprof, err)
		}
	}
	if _, err := load(t, []string{"--pprof=yes"}, nil, "", ""); err == nil {
		t.Error("yes was taken")
	}
}

func TestEveryOptionHasOneName(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range config.Options() {
		for _, name := range []string{o.Key, o.Variable(), "--" + o.Flag()} {
			if seen[name] {
				t.Errorf("%s is twice", name)
			}
			seen[name] = true
		}
		if o.Help == "" {
			t.Errorf("%s has no help", o.Key)
		}
	}
}

func TestRatesReadBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rate := limiter.Rate{
			Limit:  rapid.IntRange(1, 1_000_000).Draw(r, "limit"),
			Period: rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(r, "period"),
			Burst:  rapid.IntRange(1, 8000).Draw(r, "burst"),
		}
		c, err := load(t, []string{"--limits.rates.read.address", config.WriteRate(rate)}, nil, "", "")
		if err != nil || c.Limits.Rates[limits.Read].PerAddress != rate {
			r.Fatalf("%s reads as %+v, %v", config.WriteRate(rate), c.Limits.Rates[limits.Read].PerAddress, err)
		}
	})
	c, err := load(t, []string{"--limits.rates.read.caller=30/m"}, nil, "", "")
	if got := c.Limits.Rates[limits.Read].PerCaller; err != nil || got != (limiter.Rate{Limit: 30, Period: time.Minute, Burst: 30}) {
		t.Errorf("without a burst: %+v, %v", got, err)
	}
	for _, bad := range []string{"", "5", "5/d", "/s", "5/s burst", "5/s burst x", "x/s", "5/s  burst 3", "0/s", "5/s burst 0", "-1/s", "5/s burst -1", "1000001/s"} {
		if _, err := load(t, []string{"--limits.rates.read.caller=" + bad}, nil, "", ""); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
