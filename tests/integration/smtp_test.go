package integration

import (
	"io"
	"log"
	"mime/quotedprintable"
	"net"
	"net/http"
	netmail "net/mail"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// post is a mail server that hands on what it takes.
type post struct {
	from string
	took chan<- *netmail.Message
}

func (p *post) Mail(from string, _ *gosmtp.MailOptions) error { p.from = from; return nil }
func (p *post) Rcpt(string, *gosmtp.RcptOptions) error        { return nil }
func (p *post) Reset()                                        {}
func (p *post) Logout() error                                 { return nil }

func (p *post) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	message, err := netmail.ReadMessage(strings.NewReader(string(content)))
	if err == nil {
		p.took <- message
	}
	return err
}

// TestEmailBySMTP signs a player up with a code that went through a mail server.
func TestEmailBySMTP(t *testing.T) {
	took := make(chan *netmail.Message, 1)
	server := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &post{took: took}, nil }))
	server.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // it ends when the server is closed
	t.Cleanup(func() { _ = server.Close() })

	w := newWorld(t, harness.Embedded(t).With("MAIL=smtp://"+listener.Addr().String()+"?tls=off", "MAIL_FROM=game@example.com"))
	ticket := ask(t, w.game(), "/v1/auth/email/register", credentials("ada@example.com", password))
	var message *netmail.Message
	harness.Eventually(t, patience, "mail", func() bool {
		select {
		case message = <-took:
			return true
		default:
			return false
		}
	})
	if from, to := message.Header.Get("From"), message.Header.Get("To"); !strings.Contains(from, "space-race") || !strings.Contains(from, "<game@example.com>") || !strings.Contains(to, "ada@example.com") {
		t.Errorf("from %s to %s", from, to)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		t.Fatal(err)
	}
	code := harness.Mail{Text: strings.ReplaceAll(string(text), "\r\n", "\n")}.Code()
	w.game().Do(t, "POST", "/v1/auth/email/verify", object{"ticket": ticket, "code": code}).Want(t, http.StatusCreated)
	if mails := w.first.Log("mail"); len(mails) != 0 {
		t.Errorf("the log has the mail too: %v", mails)
	}
	w.first.Stop()
}
