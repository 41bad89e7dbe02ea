package main

import (
	"strings"
	"testing"
	"time"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	const p = `{"Action":"pass","Package":"m/p","Test":"TestA"}{"Action":"pass","Package":"m/p","Test":"TestA/x"}`
	for name, c := range map[string]struct {
		events string
		short  bool
		good   bool
		last   string
		shows  string
	}{
		"passes":            {events: p + `{"Action":"pass","Package":"m/p","Elapsed":1}`, good: true, last: "2 passed, 0 failed"},
		"a test fails":      {events: p + `{"Action":"output","Package":"m/p","Test":"TestB","Output":"why\n"}{"Action":"fail","Package":"m/p","Test":"TestB"}{"Action":"fail","Package":"m/p"}`, last: "2 passed, 1 failed", shows: "why\n"},
		"the process ends":  {events: p + `{"Action":"output","Package":"m/p","Test":"TestB","Output":"panic: x\n"}{"Action":"fail","Package":"m/p"}`, last: "2 passed, 1 failed", shows: "panic: x\n"},
		"it does not build": {events: `{"Action":"build-output","ImportPath":"m/p [m/p.test]","Output":"syntax error\n"}{"Action":"build-fail","ImportPath":"m/p [m/p.test]"}{"Action":"fail","Package":"m/p","FailedBuild":"m/p [m/p.test]"}`, last: "0 passed, 1 failed", shows: "syntax error\n"},
		"a skip":            {events: p + `{"Action":"skip","Package":"m/p","Test":"TestB"}{"Action":"pass","Package":"m/p"}`, last: "2 passed, 0 failed", shows: "skipped:\n  m/p.TestB\n"},
		"an excused skip":   {events: p + `{"Action":"skip","Package":"m/p","Test":"TestB"}{"Action":"pass","Package":"m/p"}`, short: true, good: true, last: "2 passed, 0 failed"},
		"nothing":           {events: `{"Action":"skip","Package":"m/p"}`, last: "0 passed, 0 failed", shows: "no test ran"},
	} {
		var out strings.Builder
		r := newReport(&out, false)
		if err := read(strings.NewReader(c.events), r); err != nil {
			t.Fatal(err)
		}
		good := r.finish(c.short, time.Second)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if last := lines[len(lines)-1]; good != c.good || last != c.last || strings.Count(out.String(), c.shows) == 0 {
			t.Errorf("%s: good %v, printed:\n%s", name, good, &out)
		}
	}
}

func TestGoroutinesMeet(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		module + "/app/documents": true, module + "/adapters/sqlstore/postgres": true, module + "/adapters/sqlstore/sqlite": false,
		module + "/domain/fault": false, module + "/tests/integration": false, module: false, module + "/apparatus": false,
	} {
		if meets(path) != want {
			t.Errorf("meets(%s) = %v", path, !want)
		}
	}
}
