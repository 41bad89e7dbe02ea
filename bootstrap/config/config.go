// Package config reads how this process is to run: flags over environment over
// file over defaults. It reports every fault at once, and shows no secret.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/domain/identity"
)

// Config is how this process runs.
type Config struct {
	Listen          string
	MetricsListen   string
	Pprof           bool
	Data            string
	Database        string
	Cache           string
	Blobs           string
	Mail            string
	MailFrom        identity.Address
	MasterKey       string
	Issuer          string
	TrustedProxies  []netip.Prefix
	LogLevel        slog.Level
	LogFormat       string
	Traces          string
	TracesRatio     float64
	Drain           time.Duration
	ShutdownTimeout time.Duration
	WorkerLease     time.Duration
	Limits          limits.Limits

	settings []Setting
}

// Setting is one option as it was decided.
type Setting struct {
	Option
	Value  string
	Source string // "default", "file", "environment" or "flag"
}

// Settings are all options as they were decided, in the order of Options.
func (c *Config) Settings() []Setting { return c.settings }

// EnvironmentPrefix leads the name of every environment variable that is read.
const EnvironmentPrefix = "OVERWORLD_"

// Variable is the environment variable of an option.
func (o Option) Variable() string {
	return EnvironmentPrefix + strings.ToUpper(strings.ReplaceAll(o.Key, ".", "_"))
}

// Flag is the command-line flag of an option.
func (o Option) Flag() string { return strings.ReplaceAll(o.Key, "_", "-") }

// AddFlags declares a flag for every option, and --config.
func AddFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "a YAML or TOML `file` of settings ("+EnvironmentPrefix+"CONFIG)")
	for _, o := range Options() {
		usage := o.Help
		if o.Default != "" {
			usage += " (default " + o.Default + ")"
		}
		flags.String(o.Flag(), "", usage)
	}
}

// layer is the settings from one source.
type layer struct {
	name   string
	values *koanf.Koanf
}

// Load decides every option. The error lists all that is wrong.
func Load(flags *pflag.FlagSet, environ []string) (*Config, error) {
	var faults []error
	layers := []layer{defaults()}
	path, variables := fromEnvironment(environ)
	if given, _ := flags.GetString("config"); given != "" {
		path = given
	}
	if path != "" {
		values, err := fromFile(path)
		if err != nil {
			faults = append(faults, err)
		} else {
			layers = append(layers, layer{"file", values})
		}
	}
	layers = append(layers, variables, fromFlags(flags))

	known := map[string]bool{}
	for _, o := range Options() {
		known[o.Key] = true
	}
	merged := koanf.New(".")
	for _, l := range layers {
		if err := merged.Merge(l.values); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", l.name, err))
		}
		for _, key := range l.values.Keys() {
			if !known[key] {
				faults = append(faults, fmt.Errorf("%s: unknown setting %s", l.name, describe(l.name, key)))
			}
		}
	}

	c := &Config{Limits: limits.Default()}
	for _, o := range Options() {
		setting := Setting{Option: o, Value: text(merged.Get(o.Key))}
		for _, l := range layers {
			if l.values.Exists(o.Key) {
				setting.Source = l.name
			}
		}
		if err := o.read(c, setting.Value); err != nil {
			faults = append(faults, fmt.Errorf("%s (from %s): %w", o.Key, setting.Source, err))
		}
		c.settings = append(c.settings, setting)
	}
	faults = append(faults, c.finish())
	return c, errors.Join(faults...)
}

// finish fills in what depends on other options and checks the whole.
func (c *Config) finish() error {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	c.Data = data
	c.Limits.PasswordHashes = c.Limits.Hashes()
	fill := func(key string, value *string, fallback string) {
		if *value != "" {
			return
		}
		*value = fallback
		i := slices.IndexFunc(c.settings, func(s Setting) bool { return s.Key == key })
		c.settings[i].Value = fallback
	}
	fill("database", &c.Database, local("sqlite", data, "overworld.db"))
	fill("blobs", &c.Blobs, local("file", data, "blobs"))
	if strings.HasSuffix(string(c.MailFrom), ".invalid") && !strings.HasPrefix(c.Mail, "log:") {
		return errors.Join(errors.New("mail_from: a mail server takes mail from an address of yours only; set it"), c.Limits.Check())
	}
	return c.Limits.Check()
}

func defaults() layer {
	values := map[string]any{}
	for _, o := range Options() {
		values[o.Key] = o.Default
	}
	k := koanf.New(".")
	_ = k.Load(confmap.Provider(values, "."), nil) // a map can't fail to load
	return layer{"default", k}
}

func fromEnvironment(environ []string) (path string, l layer) {
	keys := map[string]string{}
	for _, o := range Options() {
		keys[o.Variable()] = o.Key
	}
	k := koanf.New(".")
	_ = k.Load(env.Provider(".", env.Opt{
		Prefix:      EnvironmentPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			switch key, known := keys[name]; {
			case known:
				return key, value
			case name == EnvironmentPrefix+"CONFIG":
				path = value
				return "", nil
			case strings.HasPrefix(name, EnvironmentPrefix+"TEST_"), // the test servers' own
				name == EnvironmentPrefix+"URL", name == EnvironmentPrefix+"SECRET_KEY": // those of commands that speak to a server
				return "", nil
			default:
				return name, value // reported as unknown
			}
		},
	}), nil)
	return path, layer{"environment", k}
}

func fromFile(path string) (*koanf.Koanf, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	var parser koanf.Parser
	switch filepath.Ext(path) {
	case ".yaml", ".yml":
		parser = yaml.Parser()
	case ".toml":
		parser = toml.Parser()
	default:
		return nil, fmt.Errorf("config file %s: its name must end in .yaml, .yml or .toml", path)
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), parser); err != nil {
		return nil, fmt.Errorf("config file %s: %w", path, err)
	}
	return k, nil
}

func fromFlags(flags *pflag.FlagSet) layer {
	keys := map[string]string{}
	for _, o := range Options() {
		keys[o.Flag()] = o.Key
	}
	k := koanf.New(".")
	_ = k.Load(posflag.ProviderWithFlag(flags, ".", k, func(f *pflag.Flag) (string, any) {
		key, known := keys[f.Name]
		if !known || !f.Changed {
			return "", nil
		}
		return key, f.Value.String()
	}), nil)
	return layer{"flag", k}
}

// describe gives the name under which the user wrote a setting.
func describe(source, key string) string {
	if source == "file" {
		return key
	}
	return strings.ToUpper(key)
}

// text writes a file's value as an environment variable would hold it.
func text(value any) string {
	if list, ok := value.([]any); ok {
		words := make([]string, len(list))
		for i, one := range list {
			words[i] = fmt.Sprint(one)
		}
		return strings.Join(words, ",")
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
