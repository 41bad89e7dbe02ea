package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// turnaway refuses requests that come while the gate is full, before anything is found
// out about them. Its reply is that of errOverloaded, made beforehand but for the
// request id.
type turnaway struct {
	before, after []byte // of the request id in the body
	vital         map[string]bool
	observe       *observers

	contentType, retryAfter, noStore, noSniff, anyOrigin, exposed []string
}

func newTurnaway(table []route, observe *observers) (*turnaway, error) {
	const id = "@@"
	body, err := json.Marshal(problemOf(errOverloaded, id), asStored)
	if err != nil {
		return nil, fmt.Errorf("encode problem: %w", err)
	}
	before, after, _ := bytes.Cut(body, []byte(id))
	t := &turnaway{
		before: before, after: after, vital: map[string]bool{}, observe: observe,
		contentType: []string{problemType}, retryAfter: []string{seconds(errOverloaded.RetryAfter)}, noStore: []string{"no-store"},
		noSniff: []string{"nosniff"}, anyOrigin: []string{"*"}, exposed: []string{corsReads},
	}
	for _, r := range table {
		if r.Vital {
			t.vital[r.Path] = true
		}
	}
	return t, nil
}

// spares tells which requests are looked at in any case: those that tell whether the
// process lives, and what a browser asks before its request.
func (t *turnaway) spares(r *http.Request) bool {
	return r.Method == http.MethodOptions || t.vital[r.URL.Path]
}

// respite is for how long a connection is not read again after a refusal. To refuse costs
// half of what it costs to serve a cheap request, so whoever doesn't wait as long as
// Retry-After says must not be refused as often as he likes.
const respite = 500 * time.Millisecond

// refuse sends the reply at once, and lets go of the connection later.
func (t *turnaway) refuse(w http.ResponseWriter, r *http.Request, id string) {
	body := make([]byte, 0, len(t.before)+len(id)+len(t.after))
	body = append(append(append(body, t.before...), id...), t.after...)
	h := w.Header()
	h["Content-Type"], h["Retry-After"], h["Cache-Control"], h["X-Content-Type-Options"] = t.contentType, t.retryAfter, t.noStore, t.noSniff
	h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = t.anyOrigin, t.exposed
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Request-Id", id)
	w.WriteHeader(http.StatusServiceUnavailable)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone
	}
	t.observe.done(http.StatusServiceUnavailable, 0)
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	wait := time.NewTimer(respite)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-r.Context().Done():
	}
}
