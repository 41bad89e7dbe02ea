package logmail

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Plugin registers log://.
func Plugin(r *plugin.Registry) {
	r.Mail.Handle("log", func(_ context.Context, address *url.URL, kit plugin.Kit) (mail.Sender, error) {
		if address.Host != "" || address.Path != "" || address.RawQuery != "" {
			return nil, errors.New("log:// has no host and no parameters")
		}
		return sender{kit.Logger}, nil
	})
}

type sender struct{ log *slog.Logger }

var _ mail.Sender = sender{}

func (s sender) Send(ctx context.Context, m mail.Message) error {
	s.log.LogAttrs(ctx, slog.LevelInfo, "mail", slog.String("to", string(m.To)), slog.String("subject", m.Subject), slog.String("text", m.Text))
	return nil
}

func (sender) Close() error { return nil }
