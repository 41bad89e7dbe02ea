package harness

import (
	"regexp"
	"testing"
)

// Mail is one that a replica wrote to its log, as mail=log:// has it.
type Mail struct{ To, Subject, Text string }

// Mails are those to an address that the replicas have written, in no order between them.
func Mails(to string, replicas ...*Replica) []Mail {
	var found []Mail
	for i, r := range replicas {
		if i > 0 && r == replicas[0] {
			continue // a stack of one
		}
		for _, entry := range r.Log("mail") {
			if entry["to"] == to {
				subject, _ := entry["subject"].(string)
				text, _ := entry["text"].(string)
				found = append(found, Mail{to, subject, text})
			}
		}
	}
	return found
}

var mailedCode = regexp.MustCompile(`(?m)^    ([0-9A-Z]{7}(?:-[0-9A-Z]{7}){3})$`)

// Code is the code in a mail; empty when there is none.
func (m Mail) Code() string {
	if found := mailedCode.FindStringSubmatch(m.Text); found != nil {
		return found[1]
	}
	return ""
}

// Mailed waits for the one mail to an address that is matched, and gives it.
func Mailed(t testing.TB, to string, match func(Mail) bool, replicas ...*Replica) Mail {
	t.Helper()
	var got Mail
	Eventually(t, within, "mail to "+to, func() bool {
		for _, m := range Mails(to, replicas...) {
			if match(m) {
				got = m
				return true
			}
		}
		return false
	})
	return got
}

// WithCode matches mail that has a code which is none of the others.
func WithCode(others ...string) func(Mail) bool {
	return func(m Mail) bool {
		for _, other := range others {
			if m.Code() == other {
				return false
			}
		}
		return m.Code() != ""
	}
}
