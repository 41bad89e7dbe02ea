package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string // of the certificate, as PEM
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), name+".pem")}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue gives a certificate for a server at 127.0.0.1, and its key, as PEM.
func (a *authority) issue(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// inTLS ends TLS in front of a server, and gives the address where. It counts
// the connections on which the client was content with the certificate.
func (a *authority) inTLS(t *testing.T, server string) (address string, content *atomic.Int64) {
	t.Helper()
	certificate, key := a.issue(t)
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	content = &atomic.Int64{}
	pass := func(client net.Conn) {
		defer client.Close()
		// A client that doesn't like it says nothing more.
		first := make([]byte, 1)
		if _, err := io.ReadFull(client, first); err != nil {
			return
		}
		content.Add(1)
		behind, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer behind.Close()
		go func() { _, _ = io.Copy(client, behind); _ = client.Close() }()
		if _, err := behind.Write(first); err == nil {
			_, _ = io.Copy(behind, client)
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go pass(client)
		}
	}()
	return listener.Addr().String(), content
}

// TestTLS has PostgreSQL and Redis behind TLS with an authority of its own: it is
// believed when it is named, and nobody else is.
func TestTLS(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t, "ours"), newAuthority(t, "others")
	stack, postgres, redis := harness.Durable(t)

	// The files are written by the server, wherever it runs.
	certificate, key := ours.issue(t)
	db, err := pgx.Connect(t.Context(), postgres.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	for _, statement := range []string{
		"CREATE TEMPORARY TABLE lines (line text)",
		"INSERT INTO lines VALUES ('" + certificate + "')",
		"COPY lines TO PROGRAM 'sed ''s/\\\\n/\\n/g'' > server.crt' (FORMAT text)",
		"UPDATE lines SET line = '" + key + "'",
		"COPY lines TO PROGRAM 'umask 077; sed ''s/\\\\n/\\n/g'' > server.key' (FORMAT text)",
		"ALTER SYSTEM SET ssl = on",
		"SELECT pg_reload_conf()",
	} {
		if _, err := db.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
	database := func(ca *authority, host string) string {
		u, err := url.Parse(postgres.URL())
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		query.Set("sslmode", "verify-full")
		query.Set("sslrootcert", ca.file)
		u.RawQuery = query.Encode()
		u.Host = net.JoinHostPort(host, u.Port())
		return "DATABASE=" + u.String()
	}
	cache, err := url.Parse(redis.URL())
	if err != nil {
		t.Fatal(err)
	}
	behind, content := ours.inTLS(t, cache.Host)
	cache.Scheme, cache.Host = "rediss", behind

	good := stack.With(database(ours, "127.0.0.1"), "CACHE="+cache.String())
	good.Variables = []string{"SSL_CERT_FILE=" + ours.file}
	harness.Eventually(t, patience, "TLS of PostgreSQL", func() bool {
		_, err := good.Run(t.Context(), harness.Program(t), "migrate")
		return err == nil
	})
	w := newWorld(t, good)
	walk(t, w)
	for _, replica := range w.replicas() {
		if part, _ := partOf(t, replica, "cache"); part != "ok" {
			t.Errorf("the cache is %s", part)
		}
	}
	var plain, encrypted int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE NOT ssl), count(*) FILTER (WHERE ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'overworld'").Scan(&plain, &encrypted); err != nil {
		t.Fatal(err)
	}
	if plain != 0 || encrypted == 0 || content.Load() == 0 {
		t.Errorf("%d connections in the clear and %d encrypted to PostgreSQL, %d encrypted to Redis", plain, encrypted, content.Load())
	}

	for name, settings := range map[string]string{"another authority": database(others, "127.0.0.1"), "another name": database(ours, "localhost")} {
		if _, err := good.With(settings).Run(t.Context(), harness.Program(t), "migrate"); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Without the cache a replica serves, but says so.
	wary := stack.With(database(ours, "127.0.0.1"), "CACHE="+cache.String())
	wary.Variables = []string{"SSL_CERT_FILE=" + others.file}
	before := content.Load()
	w.first.Stop()
	w.second.Stop()
	replica := wary.Serve(t)
	if part, whole := partOf(t, replica, "cache"); part == "ok" || whole != "degraded" {
		t.Errorf("the cache of nobody knows whom is %s, and the whole %s", part, whole)
	}
	if content.Load() != before {
		t.Error("something was sent to a server that nobody vouches for")
	}
}
