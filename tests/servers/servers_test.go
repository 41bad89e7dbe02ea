package servers

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/minio/minio-go/v7"
	"github.com/redis/rueidis"
)

func TestMain(m *testing.M) { Main(m) }

func TestPostgresGivesEachTestADatabase(t *testing.T) {
	t.Parallel()
	first, second := Postgres(t), Postgres(t)
	execute(t, first, "CREATE TABLE seen (n int)")
	execute(t, second, "CREATE TABLE seen (n int)")
}

func TestPostgresTemplateIsPreparedOnce(t *testing.T) {
	t.Parallel()
	prepared := 0
	prepare := func(url string) error {
		prepared++
		execute(t, url, "CREATE TABLE seen (n int)", "INSERT INTO seen VALUES (1)")
		return nil
	}
	for range 3 {
		if got := count(t, PostgresTemplate(t, "once", prepare)); got != 1 {
			t.Errorf("the copy has %d rows, want the template's 1", got)
		}
	}
	if prepared != 1 {
		t.Errorf("prepared %d times", prepared)
	}
}

func TestPostgresTemplateIsSafeAcrossProcesses(t *testing.T) {
	t.Parallel()
	// Two connections stand for two processes: what they share is the server.
	s := everything.use(t, kindPostgres)
	run, prepared, done := random(4), make(chan struct{}, 2), make(chan error, 2)
	for range 2 {
		go func() {
			a := &admins{address: s.address, ready: map[string]bool{}}
			_, err := a.template(context.Background(), run, "x", func(string) error {
				prepared <- struct{}{}
				return nil
			})
			done <- errors.Join(err, a.close(false))
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if len(prepared) != 1 {
		t.Errorf("prepared %d times", len(prepared))
	}
}

func TestPostgresTemplateThatFailedIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := everything.use(t, kindPostgres)
	a, broken := everything.admin(s), errors.New("broken")
	if _, err := a.template(t.Context(), "run", "retry", func(string) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v, want the fault of prepare", err)
	}
	if _, err := a.template(t.Context(), "run", "retry", func(string) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestRedisPrefixesDiffer(t *testing.T) {
	t.Parallel()
	first, second := prefixOf(t, Redis(t)), prefixOf(t, Redis(t))
	if first == second || first == "" {
		t.Errorf("prefixes %q and %q", first, second)
	}
}

func TestRedisClusterServesEverySlot(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(RedisCluster(t))
	if err != nil {
		t.Fatal(err)
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: append([]string{address.Host}, address.Query()["addr"]...)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if nodes := len(client.Nodes()); nodes != clusterMasters {
		t.Errorf("the client sees %d nodes", nodes)
	}
	prefix := address.Query().Get("prefix")
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		if err := client.Do(t.Context(), client.B().Set().Key(prefix+name).Value("1").Build()).Error(); err != nil {
			t.Errorf("set %s: %v", name, err)
		}
	}
}

func TestS3GivesEachTestABucket(t *testing.T) {
	t.Parallel()
	for range 2 {
		putObject(t, S3(t))
	}
}

func TestS3ChecksSignatures(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(S3(t))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), "not the secret")
	client, _, err := s3Client(u.String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.PutObject(t.Context(), strings.TrimPrefix(u.Path, "/"), "k", strings.NewReader("v"), 1, minio.PutObjectOptions{})
	if minio.ToErrorResponse(err).Code != minio.SignatureDoesNotMatch {
		t.Errorf("a wrong secret got %v", err)
	}
}

func TestOwnPostgresKeepsCommitsOverAKill(t *testing.T) {
	t.Parallel()
	p := OwnPostgres(t)
	execute(t, p.URL(), "CREATE TABLE seen (n int)", "INSERT INTO seen VALUES (1)")
	p.Kill()
	if err := postgresAnswers(t.Context(), p.URL()); err == nil {
		t.Error("it answers after Kill")
	}
	p.Start()
	if got := count(t, p.URL()); got != 1 {
		t.Errorf("%d rows after a kill, want 1", got)
	}
	p.Stop()
	p.Start()
	if got := count(t, p.URL()); got != 1 {
		t.Errorf("%d rows after a restart, want 1", got)
	}
}

func TestOwnPostgresPausesBusyConnections(t *testing.T) {
	t.Parallel()
	p := OwnPostgres(t)
	conn, err := pgx.Connect(t.Context(), p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	p.Pause()
	answered := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT 1")
		answered <- err
	}()
	impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	select {
	case <-answered:
		t.Error("a paused server answered")
	case <-impatient.Done():
	}
	p.Resume()
	if err := <-answered; err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestOwnRedisReturnsWithWhatWasSaved(t *testing.T) {
	t.Parallel()
	p := OwnRedis(t)
	u, err := url.Parse(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	do := func(command ...string) string {
		t.Helper()
		text, err := redisDo(t.Context(), u.Host, command...)
		if err != nil && !errors.Is(err, rueidis.Nil) {
			t.Fatal(err)
		}
		return text
	}
	do("SET", "kept", "1")
	p.Stop()
	p.Start()
	do("SET", "lost", "1")
	p.Kill()
	p.Start()
	if do("GET", "kept") != "1" || do("GET", "lost") != "" {
		t.Errorf("kept %q, lost %q", do("GET", "kept"), do("GET", "lost"))
	}
}

func TestOwnS3KeepsObjects(t *testing.T) {
	t.Parallel()
	p := OwnS3(t)
	putObject(t, p.URL())
	p.Kill()
	p.Start()
	client, u, err := s3Client(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.StatObject(t.Context(), strings.TrimPrefix(u.Path, "/"), "some/key", minio.StatObjectOptions{}); err != nil {
		t.Errorf("stat after a kill: %v", err)
	}
}

func TestAMissingServerIsAnErrorThatSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	h := &house{way: wayLocal}
	_, err := h.find(t.Context(), kindRedis)
	if err == nil || !strings.Contains(err.Error(), "redis-server") || !strings.Contains(err.Error(), "OVERWORLD_TEST_REDIS") {
		t.Errorf("got %v", err)
	}
	t.Setenv("OVERWORLD_TEST_REDIS", "")
	if _, err := (&house{way: wayEnv}).find(t.Context(), kindRedis); err == nil {
		t.Error("env without an address is no error")
	}
	if _, err := (&house{way: "elsewhere"}).find(t.Context(), kindRedis); err == nil {
		t.Error("an unknown way is no error")
	}
}

func execute(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM seen").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func prefixOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("prefix")
}

func putObject(t *testing.T, address string) {
	t.Helper()
	client, u, err := s3Client(address)
	if err != nil {
		t.Fatal(err)
	}
	bucket := strings.TrimPrefix(u.Path, "/")
	if _, err := client.PutObject(t.Context(), bucket, "some/key", strings.NewReader("value"), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatalf("put: %v", err)
	}
}
