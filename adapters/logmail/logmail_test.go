package logmail_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/overworldhq/overworld/adapters/logmail"
	"github.com/overworldhq/overworld/ports/mail"
	"github.com/overworldhq/overworld/ports/plugin"
)

func TestMailIsInTheLog(t *testing.T) {
	var out bytes.Buffer
	kit := plugin.Kit{Logger: slog.New(slog.NewJSONHandler(&out, nil))}
	registry := plugin.NewRegistry(logmail.Plugin)
	sender, err := registry.Mail.Open(t.Context(), "log://", kit)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(t.Context(), mail.Message{To: "ada@example.com", Subject: "hello", Text: "one\ntwo\n"}); err != nil {
		t.Fatal(err)
	}
	var entry map[string]any
	if err := json.Unmarshal(out.Bytes(), &entry); err != nil || entry["msg"] != "mail" || entry["to"] != "ada@example.com" || entry["subject"] != "hello" || entry["text"] != "one\ntwo\n" {
		t.Errorf("%s: %v", out.String(), err)
	}
	if err := sender.Close(); err != nil {
		t.Error(err)
	}
	for _, address := range []string{"log://file", "log:///path", "log://?x=1"} {
		if _, err := registry.Mail.Open(t.Context(), address, kit); err == nil {
			t.Errorf("%s opens", address)
		}
	}
}
