package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Plugin registers smtp:// and smtps://.
func Plugin(r *plugin.Registry) {
	open := func(_ context.Context, address *url.URL, _ plugin.Kit) (mail.Sender, error) {
		return newSender(address)
	}
	r.Mail.Handle("smtp", open)
	r.Mail.Handle("smtps", open)
}

const (
	defaultTimeout = 20 * time.Second
	maxTimeout     = 300 // seconds
)

// newSender reads smtp[s]://[user:password@]host[:port] with the parameters tls
// (of smtp:// only: required, which is the default, or off), timeout (seconds)
// and ca_file (PEM certificates to trust instead of the system's).
func newSender(address *url.URL) (*Sender, error) {
	s := &Sender{host: address.Hostname(), port: 587, timeout: defaultTimeout, implicit: address.Scheme == "smtps", plain: false}
	if s.implicit {
		s.port = 465
	}
	if s.host == "" {
		return nil, errors.New("a mail server's URL is smtp://user:password@host:port")
	}
	if address.Path != "" && address.Path != "/" {
		return nil, errors.New("a mail server's URL has no path")
	}
	if text := address.Port(); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil || port < 1 || port > 65535 {
			return nil, fmt.Errorf("port %q is not from 1 to 65535", text)
		}
		s.port = port
	}
	if address.User != nil {
		s.user = address.User.Username()
		s.password, _ = address.User.Password()
	}
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	for name, values := range address.Query() {
		if err := s.set(name, values[len(values)-1]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Sender) set(name, value string) error {
	switch name {
	case "tls":
		if s.implicit || value != "required" && value != "off" {
			return errors.New("tls is required or off, and of smtp:// only")
		}
		s.plain = value == "off"
	case "timeout":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > maxTimeout {
			return fmt.Errorf("timeout is a number of seconds from 1 to %d", maxTimeout)
		}
		s.timeout = time.Duration(n) * time.Second
	case "ca_file":
		pem, err := os.ReadFile(value)
		if err != nil {
			return fmt.Errorf("ca_file: %w", err)
		}
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca_file: no certificates in %s", value)
		}
	default:
		return fmt.Errorf("unknown parameter %q; known are tls, timeout and ca_file", name)
	}
	return nil
}
