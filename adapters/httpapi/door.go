package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// Guard gives the listener to serve on, so that requests which come while the gate is full are
// refused as their bytes are read: by way of net/http a refusal costs three times as much, and each is
// paid with what the others need. What is in the least unusual goes that way all the same. Once stop has
// ended nothing is refused here: the server says then, with each reply, that it closes the connection.
func (a *API) Guard(stop context.Context, server *http.Server, listener net.Listener) net.Listener {
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if d, ok := conn.(*door); ok && state == http.StateIdle {
			d.between = true
		}
	}
	return &guarded{listener, a, stop, server.IdleTimeout}
}

type guarded struct {
	net.Listener
	api  *API
	stop context.Context
	idle time.Duration
}

func (g *guarded) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	peer, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	return &door{Conn: conn, guarded: g, rests: !within(plain(peer), g.api.TrustedProxies)}, nil
}

// door is a connection that knows where in its stream requests begin and end. net/http
// reads it from one goroutine at a time, and tells the state from there.
type door struct {
	net.Conn
	guarded *guarded
	// rests says that the connection has one client, who can be made to wait.
	rests bool

	// between says that net/http has answered all that it was given, and waits for a request. The first of a
	// connection doesn't count: its deadlines run from when the connection came.
	between bool
	begun   bool // something of the request at hand has come
	first   byte // of a request that began before the reply to the last was done
	early   bool // there is one
	owed    int  // bytes of the request at hand that are still to come
	lost    bool // it isn't known any more where requests begin
}

// Read gives net/http what the client sends, but for the requests that are refused here.
func (d *door) Read(p []byte) (int, error) {
	for {
		n, err := d.Conn.Read(p)
		read := p[:n]
		switch {
		case n == 0 || d.lost:
			return n, err
		case !d.between && d.begun:
			d.follow(read)
			return n, err
		case d.early:
			d.begin(readHead(append([]byte{d.first}, read...)))
			d.follow(read)
			return n, err
		}
		head, ok := readHead(read)
		if !ok || !d.between || err != nil || !d.refuses(head, n) {
			d.begin(head, ok)
			d.follow(read)
			return n, err
		}
		if err := d.refuse(head.requestID); err != nil {
			return 0, err
		}
	}
}

// begin notes that net/http is given a request.
func (d *door) begin(h head, ok bool) {
	d.owed, d.lost, d.begun, d.between = h.size+h.body, !ok, true, false
	if d.early {
		d.early = false
		d.owed--
	}
}

// follow counts what net/http is given.
func (d *door) follow(read []byte) {
	if d.owed == 0 && len(read) == 1 && !d.early {
		// It looks whether the client is still there while it answers, a byte at a time.
		d.first, d.early = read[0], true
		return
	}
	d.owed -= len(read)
	d.lost = d.lost || d.owed < 0
}

// refuses tells whether a request that came whole, and nothing after it, is refused.
func (d *door) refuses(h head, read int) bool {
	return h.plain && h.size+h.body == read && d.guarded.api.gate.full() && d.guarded.stop.Err() == nil
}

// refuse answers the request that was read, and has the connection rest.
func (d *door) refuse(named []byte) error {
	api := d.guarded.api
	id := string(named)
	if !goodRequestID(id) {
		id = api.IDs.New()
	}
	wait := api.gate.refuse()
	// It has been as long idle as when net/http replied.
	if err := d.SetDeadline(api.Clock.Now().Add(d.guarded.idle)); err != nil {
		return err
	}
	if _, err := d.Write(api.away.bytes(id, wait)); err != nil {
		return err
	}
	api.away.observe.done(http.StatusServiceUnavailable, 0)
	if d.rests {
		select {
		case <-time.After(wait):
		case <-d.guarded.stop.Done():
		}
	}
	return nil
}

// bytes is the reply as it goes over the wire.
func (t *turnaway) bytes(id string, wait time.Duration) []byte {
	length := len(t.before) + len(id) + len(t.after)
	b := make([]byte, 0, len(t.head)+2*len(id)+length+64)
	b = append(append(b, t.head...), id...)
	b = append(b, "\r\nRetry-After: "...)
	b = strconv.AppendInt(b, int64(wait/time.Second), 10)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(length), 10)
	b = append(b, "\r\n\r\n"...)
	return append(append(append(b, t.before...), id...), t.after...)
}
