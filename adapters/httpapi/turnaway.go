package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// turnaway refuses requests that come while the gate is full, before anything is found
// out about them. Its reply is that of errOverloaded, made beforehand but for the
// request id.
type turnaway struct {
	before, after []byte // of the request id in the body
	head          []byte // of the reply as it goes over the wire, up to the request id
	vital         map[string]bool
	observe       *observers

	contentType, noStore, noSniff, anyOrigin, exposed []string
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
		contentType: []string{problemType}, noStore: []string{"no-store"},
		noSniff: []string{"nosniff"}, anyOrigin: []string{"*"}, exposed: []string{corsReads},
	}
	for _, r := range table {
		if !r.Vital {
			continue
		}
		if strings.HasPrefix(r.Path, "/v1/") {
			return nil, fmt.Errorf("route %s is vital, but all under /v1/ is refused when there is no room", r.ID)
		}
		t.vital[r.Path] = true
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\n", http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable))
	set := http.Header{}
	t.announce(set)
	_ = set.Write(&head) // a buffer takes all
	head.WriteString("X-Request-Id: ")
	t.head = head.Bytes()
	return t, nil
}

// announce sets the headers of the reply that are always the same.
func (t *turnaway) announce(h http.Header) {
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = t.contentType, t.noStore, t.noSniff
	h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = t.anyOrigin, t.exposed
}

// spares tells which requests are looked at in any case: those that tell whether the
// process lives, and what a browser asks before its request.
func (t *turnaway) spares(r *http.Request) bool {
	return r.Method == http.MethodOptions || t.vital[r.URL.Path]
}

// refuse sends the reply at once, and lets go of the connection later if that is to rest. A client's is not read
// again for as long as Retry-After asks him to wait: whoever doesn't must not be refused as often as he likes. A
// trusted proxy's connection carries the requests of many, and is read on.
func (t *turnaway) refuse(w http.ResponseWriter, r *http.Request, id string, wait time.Duration, rests bool) {
	body := make([]byte, 0, len(t.before)+len(id)+len(t.after))
	body = append(append(append(body, t.before...), id...), t.after...)
	h := w.Header()
	t.announce(h)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Request-Id", id)
	h.Set("Retry-After", seconds(wait))
	w.WriteHeader(http.StatusServiceUnavailable)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone
	}
	t.observe.done(http.StatusServiceUnavailable, 0)
	if !rests || http.NewResponseController(w).Flush() != nil {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
