package httpapi

import (
	"net/http"
	"strings"
	"testing"
)

func FuzzBearer(f *testing.F) {
	for _, seed := range []string{"", "Bearer x", "bearer  x ", "Bearer", "Basic x", "Bearer a b", "Bearer \x00", "Bearer é", "Bearer " + strings.Repeat("x", maxBearer+1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := bearerOf(http.Header{"Authorization": {value}})
		if (err == nil) != (got != "") {
			t.Fatalf("%q gives %q and %v", value, got, err)
		}
		if len(got) > maxBearer || strings.ContainsAny(got, " \x00\r\n") || !strings.HasSuffix(strings.TrimRight(value, " "), got) {
			t.Fatalf("%q gives %q", value, got)
		}
	})
}
