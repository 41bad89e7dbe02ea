package blob_test

import (
	"strings"
	"testing"

	"github.com/overworldhq/overworld/ports/blob"
)

func TestValidKey(t *testing.T) {
	long := strings.Repeat("s", 120)
	for _, key := range []string{"a", "A/b_c-d.e/0", "...", "a/..b/c..", ".a", "-", long, long + "/" + long + "/" + long + "/" + long + "/" + strings.Repeat("s", 28)} {
		if !blob.ValidKey(key) {
			t.Errorf("%q is refused", key)
		}
	}
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/.", "./a", "a/../b", "..", `a\b`, "a b", "ä", "a\x00", "a%2fb", "a:b", "~", "a\n",
		long + "s", long + "/" + long + "/" + long + "/" + long + "/" + strings.Repeat("s", 29),
	} {
		if blob.ValidKey(key) {
			t.Errorf("%q is let through", key)
		}
	}
}
