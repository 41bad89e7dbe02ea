package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/overworldhq/overworld/ports/mail"
)

// Sender hands mail to one server.
type Sender struct {
	host     string
	port     int
	user     string
	password string
	tls      *tls.Config
	implicit bool // TLS from the first byte on
	plain    bool // no TLS at all
	timeout  time.Duration
}

var _ mail.Sender = (*Sender)(nil)

// Send is ErrRefused when the server said for good that it won't take the
// recipient or the content.
func (s *Sender) Send(ctx context.Context, m mail.Message) error {
	message, err := compose(m)
	if err != nil {
		return mail.ErrRefused.Because(err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	client, err := gomail.NewClient(s.host, s.options(ctx)...)
	if err != nil {
		return fmt.Errorf("make mail client: %w", err)
	}
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("reach mail server: %w", ended(ctx, err))
	}
	err = client.SendWithSMTPClient(conversation, message)
	// What the server took is sent, whatever became of the good-bye.
	_ = client.CloseWithSMTPClient(conversation)
	if err == nil || message.IsDelivered() {
		return nil
	}
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && refusal.ErrorCode() >= 500 && refusal.Reason != gomail.ErrSMTPMailFrom {
		return mail.ErrRefused.Because(err)
	}
	return fmt.Errorf("send mail: %w", ended(ctx, err))
}

// Close has nothing to give up.
func (s *Sender) Close() error { return nil }

func (s *Sender) options(ctx context.Context) []gomail.Option {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.timeout), gomail.WithTLSConfig(s.tls), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(s.dial(ctx)),
	}
	switch {
	case s.implicit:
		options = append(options, gomail.WithSSL())
	case s.plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.user != "" {
		// Plain and login are refused by the library where there is no TLS.
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

// dial gives a connection that ends with ctx, so that no answer is awaited longer.
func (s *Sender) dial(ctx context.Context) gomail.DialContextFunc {
	return func(dialing context.Context, network, address string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		connection := &bounded{Conn: raw, stop: context.AfterFunc(ctx, func() { _ = raw.Close() })}
		if !s.implicit {
			return connection, nil
		}
		encrypted := tls.Client(connection, s.tls)
		if err := encrypted.HandshakeContext(dialing); err != nil {
			return nil, errors.Join(err, connection.Close())
		}
		return encrypted, nil
	}
}

// bounded is closed when its context ends.
type bounded struct {
	net.Conn
	stop func() bool
}

func (b *bounded) Close() error {
	b.stop()
	return b.Conn.Close()
}

func ended(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return errors.Join(cause, err)
	}
	return err
}

// compose makes the message. The library encodes what doesn't fit a header, and
// line breaks in one are spaces before it comes to that.
func compose(m mail.Message) (*gomail.Msg, error) {
	message := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP))
	if err := message.FromFormat(oneLine(m.FromName), string(m.From)); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	if err := message.To(string(m.To)); err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	message.Subject(oneLine(m.Subject))
	message.SetMessageID()
	message.SetDate()
	// Nobody's vacation reply is wanted (RFC 3834).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	return message, nil
}

func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
