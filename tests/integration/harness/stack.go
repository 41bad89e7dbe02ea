package harness

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/overworldhq/overworld/tests/servers"
)

// Stack is a database, a cache and an object store, and settings that lead to
// them: one installation, with no data yet when it is fresh.
type Stack struct {
	Name string
	// Settings are environment variables without their OVERWORLD_ prefix.
	Settings map[string]string
	// Variables, as NAME=value, are what else its processes find in their environment.
	Variables []string
	// Replicated stacks may have several replicas.
	Replicated bool
}

// Kind makes stacks of one kind.
type Kind struct {
	Name string
	New  func(t testing.TB) *Stack
}

// Kinds are the stacks that are supported.
func Kinds() []Kind {
	return []Kind{{"embedded", Embedded}, {"production", Production}, {"cluster", Cluster}}
}

// Embedded is what one gets with nothing configured, in a folder of its own.
func Embedded(t testing.TB) *Stack {
	t.Helper()
	return &Stack{Name: "embedded", Settings: settings(t)}
}

// Production is PostgreSQL, Redis and S3.
func Production(t testing.TB) *Stack {
	t.Helper()
	return replicated(t, "production", Database(t), servers.Redis(t))
}

// Cluster is PostgreSQL, a Redis Cluster and S3.
func Cluster(t testing.TB) *Stack {
	t.Helper()
	return replicated(t, "cluster", Database(t), servers.RedisCluster(t))
}

// Durable is Production on servers of the test's own, which it may break. The
// database is migrated.
func Durable(t testing.TB) (stack *Stack, postgres, redis *servers.Process) {
	t.Helper()
	postgres, redis = servers.OwnPostgres(t), servers.OwnRedis(t)
	stack = replicated(t, "durable", postgres.URL(), redis.URL())
	stack.Must(t, "migrate")
	return stack, postgres, redis
}

func replicated(t testing.TB, name, database, cache string) *Stack {
	t.Helper()
	s := &Stack{Name: name, Replicated: true, Settings: settings(t)}
	var key [32]byte
	rand.Read(key[:])
	s.Settings["MASTER_KEY"] = hex.EncodeToString(key[:])
	s.Settings["DATABASE"], s.Settings["CACHE"], s.Settings["BLOBS"] = database, cache, servers.S3(t)
	return s
}

// settings are those of every stack: free ports, a folder, and rates that no
// test meets by accident.
func settings(t testing.TB) map[string]string {
	s := map[string]string{
		"LISTEN": "127.0.0.1:0", "METRICS_LISTEN": "off", "LOG_FORMAT": "json", "LOG_LEVEL": "debug", "DATA": t.TempDir(),
	}
	for _, class := range []string{"SIGN_IN", "READ", "WRITE", "OPERATE", "EMAIL_LOGIN", "EMAIL_CODE", "EMAIL_INBOX"} {
		for _, who := range []string{"CALLER", "ADDRESS"} {
			s["LIMITS_RATES_"+class+"_"+who] = "1000000/s burst 1000000"
		}
	}
	return s
}

// Database is the URL of a PostgreSQL database of the test's own, migrated.
func Database(t testing.TB) string {
	t.Helper()
	binary, err := os.ReadFile(Program(t))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(binary)
	return servers.PostgresTemplate(t, "integration_"+hex.EncodeToString(sum[:6]), func(url string) error {
		s := &Stack{Settings: map[string]string{"DATABASE": url, "DATA": t.TempDir(), "MASTER_KEY": strings.Repeat("00", 32)}}
		_, err := s.Run(t.Context(), Program(t), "migrate")
		return err
	})
}

// With gives a copy of the stack with other settings, as NAME=value.
func (s *Stack) With(settings ...string) *Stack {
	c := *s
	c.Settings = maps.Clone(s.Settings)
	for _, one := range settings {
		name, value, _ := strings.Cut(one, "=")
		c.Settings[name] = value
	}
	return &c
}

// Environment is that of a process: nothing but what it needs.
func (s *Stack) Environment() []string {
	all := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	all = append(all, s.Variables...)
	for name, value := range s.Settings {
		all = append(all, "OVERWORLD_"+name+"="+value)
	}
	return all
}

// Run runs a command of the program and gives what it prints. The error holds
// what it printed as errors.
func (s *Stack) Run(ctx context.Context, program string, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.Env = s.Environment()
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("overworld %s: %w: %s", strings.Join(arguments, " "), err, &faults)
	}
	return out.String(), nil
}

// Must is Run of a command that has to succeed.
func (s *Stack) Must(t testing.TB, arguments ...string) string {
	t.Helper()
	out, err := s.Run(t.Context(), Program(t), arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Flush empties the stack's Redis, on every node: all of it when the server is
// the test's own, else what belongs to the stack. It tells how many keys went.
func (s *Stack) Flush(t testing.TB) (gone int64) {
	t.Helper()
	u, err := url.Parse(s.Settings["CACHE"])
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: append([]string{u.Host}, query["addr"]...), DisableCache: true, ForceSingleClient: !query.Has("addr"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, node := range client.Nodes() {
		if !query.Has("prefix") {
			size, err := node.Do(t.Context(), node.B().Dbsize().Build()).AsInt64()
			if err == nil {
				err = node.Do(t.Context(), node.B().Flushall().Build()).Error()
			}
			if err != nil {
				t.Fatal(err)
			}
			gone += size
			continue
		}
		keys, err := node.Do(t.Context(), node.B().Keys().Pattern("*"+query.Get("prefix")+"*").Build()).AsStrSlice()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if err := node.Do(t.Context(), node.B().Del().Key(key).Build()).Error(); err != nil {
				t.Fatal(err)
			}
		}
		gone += int64(len(keys))
	}
	return gone
}

// freeAddress is an address nobody listens on at the moment.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
