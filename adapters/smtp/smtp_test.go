package smtp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"log/slog"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/overworldhq/overworld/adapters/smtp"
	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/plugin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a real mail server that keeps what it takes.
type server struct {
	address string
	ca      string // file
	refuse  *gosmtp.SMTPError
	at      string // "from", "to", "data" or "after" is where it refuses, or is silent
	silent  chan struct{}

	mu    sync.Mutex
	taken []taken
	users []string
}

type taken struct {
	from    string
	to      []string
	content string
}

// start serves with TLS from the first byte on if implicit, else by STARTTLS.
func start(t *testing.T, implicit, encrypted bool, change func(*server)) *server {
	t.Helper()
	s := &server{}
	if change != nil {
		change(s)
	}
	certificate, ca := certificate(t)
	s.ca = ca
	backend := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &session{server: s}, nil }))
	backend.Domain, backend.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	if encrypted {
		backend.TLSConfig = config
	}
	if implicit {
		listener = tls.NewListener(listener, config)
	}
	ended := make(chan error, 1)
	go func() { ended <- backend.Serve(listener) }()
	t.Cleanup(func() {
		if s.silent != nil {
			close(s.silent)
		}
		if err := backend.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return s
}

func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

type session struct {
	server *server
	now    taken
}

func (s *session) answer(at string) error {
	if s.server.at != at {
		return nil
	}
	if s.server.silent != nil {
		<-s.server.silent
	}
	if s.server.refuse != nil {
		return s.server.refuse
	}
	return nil
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "game@example.com" || password != "p@ss/word" {
			return gosmtp.ErrAuthFailed
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.users = append(s.server.users, user)
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error {
	s.now.from = from
	return s.answer("from")
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.now.to = append(s.now.to, to)
	return s.answer("to")
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.answer("data"); err != nil {
		return err
	}
	s.now.content = string(content)
	s.server.mu.Lock()
	s.server.taken = append(s.server.taken, s.now)
	s.server.mu.Unlock()
	s.now = taken{}
	return nil
}

func (s *session) Reset()        { s.now = taken{} }
func (s *session) Logout() error { return nil }

func (s *server) mail() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

func open(t *testing.T, address string) mail.Sender {
	t.Helper()
	sender, err := plugin.NewRegistry(smtp.Plugin).Mail.Open(t.Context(), address, plugin.Kit{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	})
	return sender
}

var message = mail.Message{
	From: "game@example.com", FromName: "Zoë's <Game>", To: "ada@example.com", Subject: "Your cöde 😀",
	Text: "Hello Ada,\n\n    ABC-123\n\n.\n..dots\nä" + strings.Repeat("long ", 300) + "\n",
}

func TestAMessageArrives(t *testing.T) {
	for name, c := range map[string]struct {
		implicit, encrypted bool
		url                 func(s *server) string
		user                bool
	}{
		"STARTTLS": {false, true, func(s *server) string { return "smtp://" + s.address + "?ca_file=" + s.ca }, false},
		"STARTTLS, with a user": {false, true, func(s *server) string {
			return "smtp://game%40example.com:p%40ss%2Fword@" + s.address + "?ca_file=" + s.ca
		}, true},
		"TLS, with a user": {true, true, func(s *server) string {
			return "smtps://game%40example.com:p%40ss%2Fword@" + s.address + "?ca_file=" + s.ca
		}, true},
		"no TLS": {false, false, func(s *server) string { return "smtp://" + s.address + "?tls=off" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, c.implicit, c.encrypted, nil)
			if err := open(t, c.url(s)).Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			got := s.mail()
			if len(got) != 1 || got[0].from != "game@example.com" || len(got[0].to) != 1 || got[0].to[0] != "ada@example.com" || (len(s.users) == 1) != c.user {
				t.Fatalf("the server took %+v from %v", got, s.users)
			}
			m, err := netmail.ReadMessage(strings.NewReader(got[0].content))
			if err != nil {
				t.Fatal(err)
			}
			from, err := m.Header.AddressList("From")
			if err != nil || len(from) != 1 || from[0].Name != "Zoë's <Game>" || from[0].Address != "game@example.com" {
				t.Errorf("from %v, %v", from, err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != message.Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			for _, header := range []string{"Date", "Message-Id"} {
				if m.Header.Get(header) == "" {
					t.Errorf("no %s", header)
				}
			}
			if media := m.Header.Get("Content-Type"); !strings.HasPrefix(media, "text/plain") || !strings.Contains(strings.ToLower(media), "utf-8") {
				t.Errorf("Content-Type %s", media)
			}
			text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			if err != nil || strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")) != strings.TrimSpace(message.Text) {
				t.Errorf("text %q, %v", text, err)
			}
		})
	}
}

// Whatever is in a message, it stays one message to one recipient.
func TestNothingIsInjected(t *testing.T) {
	s := start(t, false, false, nil)
	sender := open(t, "smtp://"+s.address+"?tls=off")
	evil := "x\r\nBcc: eve@example.com\r\n\r\ninjected\r\n.\r\nMAIL FROM:<eve@example.com>\r\n"
	for name, change := range map[string]func(*mail.Message){
		"name":    func(m *mail.Message) { m.FromName = evil },
		"subject": func(m *mail.Message) { m.Subject = evil },
		"text":    func(m *mail.Message) { m.Text = evil },
	} {
		m := message
		change(&m)
		before := len(s.mail())
		if err := sender.Send(t.Context(), m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := s.mail()
		if len(got) != before+1 || len(got[before].to) != 1 {
			t.Fatalf("%s: the server took %+v", name, got[before:])
		}
		read, err := netmail.ReadMessage(strings.NewReader(got[before].content))
		if err != nil || read.Header.Get("Bcc") != "" {
			t.Errorf("%s: %v, Bcc %q", name, err, read.Header.Get("Bcc"))
		}
	}
	for name, change := range map[string]func(*mail.Message){
		"recipient":  func(m *mail.Message) { m.To = "ada@example.com>\r\nRCPT TO:<eve@example.com" },
		"recipients": func(m *mail.Message) { m.To = "ada@example.com, eve@example.com" },
		"sender":     func(m *mail.Message) { m.From = "game@example.com>\r\nRCPT TO:<eve@example.com" },
	} {
		m := message
		change(&m)
		before := len(s.mail())
		if err := sender.Send(t.Context(), m); !errors.Is(err, mail.ErrRefused) || len(s.mail()) != before {
			t.Errorf("%s: %v, and the server took %+v", name, err, s.mail()[before:])
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		at     string
		refuse *gosmtp.SMTPError
		ever   bool
	}{
		"no such mailbox":       {"to", &gosmtp.SMTPError{Code: 550, Message: "no such user"}, true},
		"mailbox is full":       {"to", &gosmtp.SMTPError{Code: 452, Message: "full"}, false},
		"content not wanted":    {"data", &gosmtp.SMTPError{Code: 554, Message: "spam"}, true},
		"come back later":       {"data", &gosmtp.SMTPError{Code: 451, Message: "greylisted"}, false},
		"the sender is no good": {"from", &gosmtp.SMTPError{Code: 550, Message: "not yours"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, false, false, func(s *server) { s.at, s.refuse = c.at, c.refuse })
			err := open(t, "smtp://"+s.address+"?tls=off").Send(t.Context(), message)
			if err == nil || errors.Is(err, mail.ErrRefused) != c.ever || len(s.mail()) != 0 {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestServersThatDontServe(t *testing.T) {
	t.Run("away", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		if err := open(t, "smtp://"+address).Send(t.Context(), message); err == nil || errors.Is(err, mail.ErrRefused) {
			t.Errorf("got %v", err)
		}
	})
	for _, at := range []string{"greeting", "from", "data"} {
		t.Run("silent at the "+at, func(t *testing.T) {
			var address string
			if at == "greeting" {
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = listener.Close() })
				address = listener.Addr().String()
			} else {
				address = start(t, false, false, func(s *server) { s.at, s.silent = at, make(chan struct{}) }).address
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			if err := open(t, "smtp://"+address+"?tls=off&timeout=300").Send(ctx, message); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no TLS to be had", func(t *testing.T) {
		s := start(t, false, false, nil)
		if err := open(t, "smtp://"+s.address).Send(t.Context(), message); err == nil || len(s.mail()) != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a certificate nobody knows", func(t *testing.T) {
		s := start(t, false, true, nil)
		if err := open(t, "smtp://"+s.address).Send(t.Context(), message); err == nil || len(s.mail()) != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		s := start(t, true, true, nil)
		err := open(t, "smtps://game%40example.com:wrong@"+s.address+"?ca_file="+s.ca).Send(t.Context(), message)
		if err == nil || errors.Is(err, mail.ErrRefused) || len(s.mail()) != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a password without TLS", func(t *testing.T) {
		s := start(t, false, false, nil)
		err := open(t, "smtp://game%40example.com:p%40ss%2Fword@"+s.address+"?tls=off").Send(t.Context(), message)
		if err == nil || len(s.users) != 0 {
			t.Errorf("got %v, signed in as %v", err, s.users)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{
		"smtp://", "smtp:///", "smtp://:587", "smtp://host/path", "smtp://host:0", "smtp://host:70000", "smtp://host?tls=maybe", "smtps://host?tls=off",
		"smtp://host?timeout=0", "smtp://host?timeout=301", "smtp://host?timeout=x", "smtp://host?ca_file=/nowhere", "smtp://host?speed=fast",
	} {
		if _, err := plugin.NewRegistry(smtp.Plugin).Mail.Open(t.Context(), address, plugin.Kit{}); err == nil {
			t.Errorf("%s opens", address)
		}
	}
}
