package httpapi

import (
	"net/http"
	"sync"
	"time"
)

const (
	// patience is how long a client may take for stride bytes of a reply. The kernel, which takes bytes for it, says
	// that it has room again when a third of its buffer has gone out: a client that reads slowly moves on by leaps.
	patience = 30 * time.Second
	stride   = 32 << 10
)

// patiently writes what is long, for as long as the client goes on reading: it has a deadline for each
// stride, and none for the whole. Until begin it is the server's that counts.
type patiently struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stall   *time.Timer

	mu    sync.Mutex
	ended bool
}

func (c *call) patiently() *patiently {
	return &patiently{w: c.w, control: http.NewResponseController(c.w)}
}

// begin starts the time of the first stride.
func (p *patiently) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stall = time.AfterFunc(patience, p.end); !p.ended {
		// Writers that know no deadlines are those of tests.
		_ = p.control.SetWriteDeadline(time.Time{})
	}
}

// end has the client read no more.
func (p *patiently) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	_ = p.control.SetWriteDeadline(longAgo)
}

func (p *patiently) Write(b []byte) (written int, err error) {
	for len(b) > 0 && err == nil {
		p.stall.Reset(patience)
		var n int
		n, err = p.w.Write(b[:min(len(b), stride)])
		written, b = written+n, b[n:]
	}
	return written, err
}

// close sends what is left in buffers, while there is a deadline to do so.
func (p *patiently) close() {
	_ = p.control.Flush()
	p.stall.Stop()
}
