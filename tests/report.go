package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// event is one of `go test -json`; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of output of the compiler
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// report counts tests, prints packages as they end, and keeps what a test
// printed until it is known whether anybody wants to read it.
type report struct {
	out     io.Writer
	verbose bool

	passed, failed int
	failures       []string
	skipped        []string
	packages       map[string]*tally
	printed        map[string]*strings.Builder // by test or package or build
}

// tally is the count of one package.
type tally struct{ passed, failed, skipped int }

func newReport(out io.Writer, verbose bool) *report {
	return &report{out: out, verbose: verbose, packages: map[string]*tally{}, printed: map[string]*strings.Builder{}}
}

func (r *report) add(e event) {
	if e.Package == "" {
		e.Package = e.ImportPath
	}
	t, known := r.packages[e.Package]
	if !known {
		t = &tally{}
		r.packages[e.Package] = t
	}
	name := e.Package
	if e.Test != "" {
		name += "." + e.Test
	}
	switch e.Action {
	case "output", "build-output":
		r.keep(name, e.Output)
	case "pass", "fail", "skip":
		if e.Test != "" {
			r.endTest(t, name, e.Action)
		} else {
			r.endPackage(t, e)
		}
	}
}

func (r *report) keep(name, output string) {
	if r.verbose {
		fmt.Fprint(r.out, output)
		return
	}
	for _, noise := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME"} {
		if strings.HasPrefix(output, noise) {
			return
		}
	}
	if r.printed[name] == nil {
		r.printed[name] = &strings.Builder{}
	}
	r.printed[name].WriteString(output)
}

func (r *report) endTest(t *tally, name, action string) {
	switch action {
	case "pass":
		t.passed++
		r.passed++
	case "skip":
		t.skipped++
		r.skipped = append(r.skipped, name)
	case "fail":
		t.failed++
		r.fail(name)
		r.show(name)
	}
	delete(r.printed, name)
}

func (r *report) endPackage(t *tally, e event) {
	short := strings.TrimPrefix(strings.TrimPrefix(e.Package, module), "/")
	if short == "" {
		short = "."
	}
	if e.Action == "fail" {
		// Its tests may be fine, or unfinished: it did not build, or TestMain failed,
		// or the process ended.
		if t.failed == 0 {
			r.fail(e.Package)
		}
		r.show(e.FailedBuild)
		for _, name := range r.of(e.Package) {
			r.show(name)
		}
		fmt.Fprintf(r.out, "FAIL  %-44s %6.1fs  %d passed, %d failed\n", short, e.Elapsed, t.passed, t.failed)
	} else if t.passed+t.skipped > 0 {
		cached := ""
		if p := r.printed[e.Package]; p != nil && strings.Contains(p.String(), "(cached)") {
			cached = ", unchanged"
		}
		fmt.Fprintf(r.out, "ok    %-44s %6.1fs  %d passed%s\n", short, e.Elapsed, t.passed, cached)
	}
	for _, name := range r.of(e.Package) {
		delete(r.printed, name)
	}
}

// of are the names with output that belong to a package.
func (r *report) of(path string) []string {
	var names []string
	for name := range r.printed {
		if name == path || strings.HasPrefix(name, path+".") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *report) fail(name string) {
	r.failed++
	r.failures = append(r.failures, name)
}

// show prints what was kept of a test, once.
func (r *report) show(name string) {
	if p := r.printed[name]; p != nil {
		fmt.Fprint(r.out, p)
		delete(r.printed, name)
	}
}

// finish prints the summary and says whether all is well.
func (r *report) finish(short bool, took time.Duration) bool {
	fmt.Fprintln(r.out)
	names(r.out, "failed", r.failures)
	names(r.out, "skipped", r.skipped)
	good := r.failed == 0
	if len(r.skipped) > 0 && !short {
		fmt.Fprintln(r.out, "a test may be skipped with -short only: this run counts as failed")
		good = false
	}
	if r.passed+r.failed == 0 {
		fmt.Fprintln(r.out, "no test ran: this run counts as failed")
		good = false
	}
	fmt.Fprintf(r.out, "%d skipped, %s\n%d passed, %d failed\n", len(r.skipped), took.Round(100*time.Millisecond), r.passed, r.failed)
	return good
}

func names(out io.Writer, heading string, names []string) {
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	fmt.Fprintf(out, "%s:\n", heading)
	for _, name := range names {
		fmt.Fprintf(out, "  %s\n", strings.TrimPrefix(name, module+"/"))
	}
}
