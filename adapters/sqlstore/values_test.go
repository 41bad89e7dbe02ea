package sqlstore

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSuccessorEndsAPrefix(t *testing.T) {
	for prefix, want := range map[string]string{
		"a": "b", "az": "a{", "~": "\x7f", "é": "ê", "\uD7FF": "\uE000", "a\U0010FFFF": "b",
	} {
		if got, ok := successor(prefix); !ok || got != want {
			t.Errorf("after %q: %q", prefix, got)
		}
	}
	for _, prefix := range []string{"", "\U0010FFFF"} {
		if got, ok := successor(prefix); ok {
			t.Errorf("after %q: %q", prefix, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		prefix, rest, other := rapid.String().Draw(t, "prefix"), rapid.String().Draw(t, "rest"), rapid.String().Draw(t, "other")
		end, ok := successor(prefix)
		if !ok {
			return
		}
		if prefix+rest >= end {
			t.Errorf("%q is not before %q", prefix+rest, end)
		}
		if other >= prefix && other < end && other[:min(len(other), len(prefix))] != prefix {
			t.Errorf("%q lies between %q and %q", other, prefix, end)
		}
	})
}
