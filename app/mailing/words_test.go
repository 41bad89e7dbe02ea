package mailing

import (
	"testing"
	"time"
)

// TestSpan: a mail is written a moment after its code was made, and says what people say all the same.
func TestSpan(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{24*time.Hour - 1500*time.Millisecond, "24 hours"},
		{time.Hour - time.Second, "1 hour"},
		{24*time.Hour - 20*time.Minute, "23 hours"},
		{4*time.Hour - 20*time.Minute, "3 hours"},
		{2*time.Hour + 20*time.Minute, "140 minutes"},
		{40*time.Minute - time.Second, "40 minutes"},
		{90 * time.Second, "2 minutes"},
		{time.Minute, "1 minute"},
		{10 * time.Second, "1 minute"},
	} {
		if got := span(c.d); got != c.want {
			t.Errorf("%s is %q, want %q", c.d, got, c.want)
		}
	}
}
