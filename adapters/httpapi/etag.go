package httpapi

import (
	"strconv"
	"strings"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/storage"
)

// tags is a list of entity tags as RFC 9110 has it in If-Match and If-None-Match.
type tags struct {
	any    bool // *
	listed []entityTag
}

type entityTag struct {
	weak   bool
	opaque string
}

// readTags reads the field, all its lines joined with commas.
func readTags(field string) (tags, bool) {
	field = strings.Trim(field, " \t")
	if field == "*" {
		return tags{any: true}, true
	}
	var t tags
	for {
		field = strings.TrimLeft(field, " \t,") // empty elements are allowed
		if field == "" {
			return t, len(t.listed) > 0
		}
		var one entityTag
		field, one.weak = strings.CutPrefix(field, "W/")
		rest, ok := strings.CutPrefix(field, `"`)
		if !ok {
			return t, false
		}
		one.opaque, rest, ok = strings.Cut(rest, `"`)
		if !ok || strings.ContainsFunc(one.opaque, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return t, false
		}
		t.listed = append(t.listed, one)
		field = strings.TrimLeft(rest, " \t")
		if field != "" && field[0] != ',' {
			return t, false
		}
	}
}

// matchWeakly tells whether a cached copy with one of the tags is still good.
func (t tags) matchWeakly(opaque string) bool {
	if t.any {
		return true
	}
	for _, one := range t.listed {
		if one.opaque == opaque {
			return true
		}
	}
	return false
}

// versions gives the versions that the tags name. A weak tag, or one that is
// no version, becomes 0, which no resource has: it must miss, not vanish.
func (t tags) versions() []int64 {
	versions := make([]int64, 0, len(t.listed))
	for _, one := range t.listed {
		n, err := strconv.ParseInt(one.opaque, 10, 64)
		if err != nil || one.weak || versionTag(n) != one.opaque {
			n = 0
		}
		versions = append(versions, n)
	}
	return versions
}

func versionTag(version int64) string { return strconv.FormatInt(version, 10) }

// ifMatch is the precondition of routes that change what has a version. Embed it in their input.
type ifMatch struct {
	IfMatch string `header:"If-Match" doc:"Go on only if the current ETag is one of these; 412 otherwise, with the current state. * is any."`
}

// ifNoneMatch is the precondition of routes that may create. Embed it in their input.
type ifNoneMatch struct {
	IfNoneMatch string `header:"If-None-Match" doc:"*: go on only if there is none yet; 412 otherwise, with the current state."`
}

// precondition reads If-Match and If-None-Match of a writer, each empty when it was not sent.
func (c *call) precondition() (storage.Precondition, error) {
	var pre storage.Precondition
	var fields []fault.Field
	if lines, ok := c.r.Header["If-Match"]; ok {
		t, ok := readTags(strings.Join(lines, ","))
		if !ok {
			fields = append(fields, parameter("header", "If-Match", "malformed", `*, or ETags such as "12", with commas between them.`))
		}
		pre.Exists, pre.Versions = t.any, t.versions()
	}
	if lines, ok := c.r.Header["If-None-Match"]; ok {
		t, ok := readTags(strings.Join(lines, ","))
		if !ok || !t.any {
			fields = append(fields, parameter("header", "If-None-Match", "malformed", "The one thing a writer can send is *."))
		}
		pre.Absent = t.any
	}
	if len(fields) > 0 {
		return pre, errParameter.WithFields(fields...)
	}
	return pre, nil
}

// unchanged tells whether the client's copy is the reply that would be sent.
func (c *call) unchanged() (bool, error) {
	lines, ok := c.r.Header["If-None-Match"]
	if !ok || c.tag == "" {
		return false, nil
	}
	t, ok := readTags(strings.Join(lines, ","))
	if !ok {
		return false, errParameter.WithFields(parameter("header", "If-None-Match", "malformed", `*, or ETags such as "12", with commas between them.`))
	}
	return t.matchWeakly(c.tag), nil
}
