package httpapi

import (
	"bytes"
	"strconv"
)

// head is what has to be known of the head of an HTTP/1.1 request to find its end, and to refuse it.
type head struct {
	size, body int // bytes of the head, and of what follows it
	// plain says that the request may be refused unseen: its method has a reply with a body,
	// its path is none of those that are always answered, and the connection stays open after it.
	plain     bool
	requestID []byte
}

// longestBody is more than any server lets a body be.
const longestBody = 1 << 40

var endOfHead = []byte("\r\n\r\n")

// readHead reads the head that bytes begin with. It is not ok if that isn't there to its end, or
// is written in a way that others may understand otherwise: in chunks, of two lengths, with
// folded lines (RFC 9112, 5.2 and 6.3).
func readHead(b []byte) (h head, ok bool) {
	end := bytes.Index(b, endOfHead)
	if end < 0 {
		return h, false
	}
	h.size = end + len(endOfHead)
	line, rest, _ := bytes.Cut(b[:end], endOfLine)
	method, line, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(line, []byte(" "))
	if string(version) != "HTTP/1.1" || bytes.ContainsAny(target, "\r\n") {
		return h, false
	}
	h.plain = refusable[string(method)] && bytes.HasPrefix(target, []byte("/v1/"))
	lengths := 0
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, endOfLine)
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || len(name) == 0 || bytes.ContainsAny(name, " \t") || bytes.ContainsAny(line, "\r\n") {
			return h, false
		}
		value = bytes.Trim(value, " \t")
		switch {
		case named(name, "Content-Length"):
			length, err := strconv.ParseUint(string(value), 10, 63)
			if lengths++; err != nil || lengths > 1 || length > longestBody {
				return h, false
			}
			h.body = int(length)
		case named(name, "Transfer-Encoding"):
			return h, false
		case named(name, "Connection"):
			h.plain = h.plain && bytes.EqualFold(value, []byte("keep-alive"))
		case named(name, "Expect"), named(name, "Upgrade"):
			h.plain = false
		case named(name, "X-Request-Id"):
			if h.requestID == nil {
				h.requestID = value
			}
		}
	}
	return h, true
}

var endOfLine = []byte("\r\n")

// refusable are the methods of the API's requests. A reply to HEAD has no body, and OPTIONS
// is asked by browsers, which must be answered.
var refusable = map[string]bool{"GET": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true}

func named(name []byte, header string) bool {
	return len(name) == len(header) && bytes.EqualFold(name, []byte(header))
}
