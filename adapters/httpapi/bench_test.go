package httpapi

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/overworldhq/overworld/adapters/memory"
	"github.com/overworldhq/overworld/adapters/system"
	"github.com/overworldhq/overworld/app/limits"
	"github.com/overworldhq/overworld/app/once"
)

// What the API itself costs a request: routing, limits, decoding and encoding of
// a document of 1 KiB, without use case, database and network.
func BenchmarkRequest(b *testing.B) {
	clock := system.Clock{}
	o := Options{
		Limits: limits.Default(), Vault: system.NewVault([32]byte{1}), IDs: system.IDs{}, Clock: clock, Logger: slog.New(slog.DiscardHandler),
	}
	for class := range o.Limits.Rates {
		r := o.Limits.Rates[class]
		r.PerAddress.Limit, r.PerAddress.Burst = 1_000_000, 1_000_000
		o.Limits.Rates[class] = r
	}
	o.Throttle = limits.NewThrottle(o.Limits, memory.NewLimiter(clock))
	value := jsontext.Value(`{"level":12,"bag":["` + strings.Repeat("x", 1000) + `"]}`)
	kept := &document{Owner: "018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f", Collection: "saves", Key: "slot-1", Value: value, Version: 7, Read: "owner", Write: "owner"}
	api, err := serving(o, []route{
		define(route{Method: "GET", Path: "/v1/players/{player}/documents/{collection}/{key}", ID: "get", Tag: "t", Summary: "s", Class: limits.Read, Tagged: true}, public(),
			func(_ context.Context, c *call, _ *playerDocument) (*document, error) {
				c.tag = "7"
				return kept, nil
			}),
		change(route{Method: "PUT", Path: "/v1/players/{player}/documents/{collection}/{key}", ID: "put", Tag: "t", Summary: "s", Class: limits.Write}, public(), func(_ *call, d *document) *document { return d },
			func(_ context.Context, c *call, in *playerDocumentPut, _ once.Effect[*document]) (*document, error) {
				return &document{Value: in.Body.Value, Version: 1}, nil
			}),
	})
	if err != nil {
		b.Fatal(err)
	}
	for method, body := range map[string]string{"GET": "", "PUT": `{"value":` + string(value) + `}`} {
		b.Run(method, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), method, "/v1/players/018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f/documents/saves/slot-1", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

// What it costs to refuse a request at the gate, without network.
func BenchmarkRefusal(b *testing.B) {
	clock := system.Clock{}
	o := Options{
		Limits: limits.Default(), Vault: system.NewVault([32]byte{1}), IDs: system.IDs{}, Clock: clock, Logger: slog.New(slog.DiscardHandler),
	}
	o.Limits.ConcurrentRequests, o.Limits.WaitingRequests = 1, 0
	api, err := serving(o, []route{
		define(route{Method: "GET", Path: "/v1/players/{player}/documents/{collection}/{key}", ID: "get", Tag: "t", Summary: "s"}, public(),
			func(context.Context, *call, *playerDocument) (*document, error) { return nil, nil }),
	})
	if err != nil {
		b.Fatal(err)
	}
	api.gate.places <- struct{}{} // somebody is in
	gone, leave := context.WithCancel(b.Context())
	leave() // it would wait for the connection's respite
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(gone, "GET", "/v1/players/018f4c1e-7b6a-7c3d-9e2f-0a1b2c3d4e5f/documents/saves/slot-1", nil)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != 503 {
			b.Fatal(w.Code, w.Body)
		}
	}
}
