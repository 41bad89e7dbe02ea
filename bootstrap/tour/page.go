package tour

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// page prints the tour. It goes on after a failed write and remembers the failure.
type page struct {
	out   io.Writer
	color bool
	err   error
}

// Escape sequences of ECMA-48, which every terminal knows.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
	plain = "\x1b[0m"
)

const (
	lineWidth = 84  // of prose
	jsonWidth = 104 // of bodies
)

func (p *page) line(style, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.color && style != "" && text != "" {
		text = style + text + plain
	}
	if _, err := fmt.Fprintln(p.out, text); err != nil && p.err == nil {
		p.err = fmt.Errorf("print the tour: %w", err)
	}
}

func (p *page) heading(number, of int, title string) {
	p.line("", "")
	p.line(bold, "%d/%d  %s", number, of, title)
}

// prose prints sentences, broken into lines.
func (p *page) prose(text string) { p.wrapped("", text) }

// note prints an aside.
func (p *page) note(text string) { p.wrapped(dim, text) }

func (p *page) wrapped(style, text string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > lineWidth {
			p.line(style, "%s", line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	p.line(style, "%s", line)
}

func (p *page) request(r request) {
	p.line("", "")
	p.line(cyan, "  > %s %s", r.method, shorten(r.path))
	if r.credential != "" {
		p.line(dim, "  > Authorization: Bearer %s", shorten(r.credential))
	}
	if r.header[0] != "" {
		p.line(dim, "  > %s: %s", r.header[0], r.header[1])
	}
	p.body("  > ", []byte(r.body))
}

// shown are the headers of a reply that mean something to the story.
var shown = []string{"ETag", "Location", "WWW-Authenticate", "Retry-After"}

func (p *page) reply(r reply) {
	style := green
	if r.status >= 400 {
		style = red
	}
	p.line(style, "  < %d %s", r.status, http.StatusText(r.status))
	for _, name := range shown {
		for _, value := range r.header.Values(name) {
			p.line(dim, "  < %s: %s", name, value)
		}
	}
	if media := r.header.Get("Content-Type"); strings.HasPrefix(media, "application/gzip") {
		p.line("", "  < %d bytes of %s", len(r.body), media)
		return
	}
	p.body("  < ", r.body)
}

func (p *page) body(lead string, body []byte) {
	if len(body) == 0 {
		return
	}
	for line := range strings.Lines(layout(body, jsonWidth-len(lead))) {
		p.line("", "%s%s", lead, shorten(strings.TrimRight(line, "\r\n")))
	}
}

func (p *page) end(requests int) {
	p.line("", "")
	p.line(green, "%d requests, and every reply was what it should be.", requests)
}

// opaque finds what no one reads to its end: keys, tokens and cursors. A UUID
// is shorter, and so are codes, times and paths' segments.
var opaque = regexp.MustCompile(`\b(?:ow_[a-z]{3}_|eyJ)[A-Za-z0-9_.-]{16,}|[A-Za-z0-9_-]{40,}|("device_secret": ")[A-Za-z0-9_-]{16,}`)

func shorten(text string) string {
	return opaque.ReplaceAllStringFunc(text, func(long string) string {
		const kept = 12
		if member := opaque.FindStringSubmatch(long)[1]; member != "" {
			return member + long[len(member):len(member)+4] + "…"
		}
		return long[:kept] + "…" + long[len(long)-4:]
	})
}
