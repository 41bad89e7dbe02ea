package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestPercentiles(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for p, want := range map[int]time.Duration{0: 1, 50: 100, 95: 190, 99: 198, 100: 200} {
		if got := percentile(sorted, p); got != want {
			t.Errorf("the %dth is %d, want %d", p, got, want)
		}
	}
	if got := percentile(sorted[:1], 99); got != 1 {
		t.Errorf("of one: %d", got)
	}
}

func TestTheClientReadsRepliesOneAfterAnother(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" || r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(bytes.ToUpper(body))
	}))
	defer server.Close()
	c, err := dial(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, text := range []string{"first", "", strings.Repeat("long", 5000/4), "last"} {
		got, err := c.want(200, c.request("POST", "/", "key", []byte(text)))
		if err != nil || string(got) != strings.ToUpper(text) {
			t.Errorf("%.10q gave %.10q, %v", text, got, err)
		}
	}
	if _, err := c.want(200, c.request("GET", "/refused", "key", nil)); err == nil {
		t.Error("another status passed")
	}
}

func TestALoadCountsItsErrorsAndItsProcessorTime(t *testing.T) {
	used, broken := time.Duration(0), errors.New("broken")
	closed := 0
	f, err := drive(t.Context(), load{
		connections: 3, repetitions: 2, seconds: time.Millisecond,
		open: func(i int) (operation, func(), error) {
			calls := 0
			return func() error {
				calls++
				if i == 0 && calls > 1 {
					return broken
				}
				return nil
			}, func() { closed++ }, nil
		},
		used: func() (cpu, error) { used += time.Second; return cpu{server: used}, nil },
	})
	if err != nil || closed != 3 {
		t.Fatalf("%v, %d connections closed", err, closed)
	}
	// In each repetition the first connection breaks at once.
	if f.errors != 2 || !errors.Is(f.fault, broken) {
		t.Errorf("%d errors, the first %v", f.errors, f.fault)
	}
	if f.persecond <= 0 || f.server <= 0 || f.database != 0 || f.p50 > f.p99 {
		t.Errorf("%+v", f)
	}
}

func TestATargetIsReachedWithoutErrorsOnly(t *testing.T) {
	l := line{stack: production, what: "own-profile", connections: 64, scenario: scenario{most: 0.12}, figures: figures{server: 0.05, database: 0.06}}
	reached := func(l line) bool {
		return slices.ContainsFunc(l.cells(), func(cell string) bool { return strings.HasSuffix(cell, ", reached") })
	}
	if !reached(l) {
		t.Errorf("not reached: %v", l.cells())
	}
	l.figures.errors = 1
	if reached(l) {
		t.Errorf("reached with errors: %v", l.cells())
	}
	l.figures.errors, l.figures.database = 0, 0.08
	if reached(l) {
		t.Errorf("reached with too much: %v", l.cells())
	}
}

func TestWhatIsWrittenByHandStaysOnThePage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	sections := []section{{production, "production", []line{{stack: production, what: "own-profile", connections: 64}}}}
	if err := writePage(path, sections); err != nil {
		t.Fatal(err)
	}
	measured, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(measured), "| own-profile ") {
		t.Fatalf("%s, %v", measured, err)
	}
	kept := "\n" + byHand + "\n\nWhere the time goes.\n"
	if err := os.WriteFile(path, []byte("old figures\n"+kept), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writePage(path, sections); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(measured)+kept {
		t.Errorf("%s, %v", got, err)
	}
}

func TestTheClientAsksWhetherSomethingChanged(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"2"`)
		if r.Header.Get("If-None-Match") == `"2"` && r.Header.Get("Authorization") == "Bearer key" {
			w.WriteHeader(http.StatusNotModified)
		}
	}))
	defer server.Close()
	c, err := dial(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, one := range []struct {
		tag    string
		status int
	}{{`"1"`, 200}, {`"2"`, 304}, {`"1"`, 200}} {
		if _, err := c.want(one.status, c.unlessIs(one.tag, "/", "key")); err != nil || string(c.tag) != `"2"` {
			t.Errorf("with %s: %s, %v", one.tag, c.tag, err)
		}
	}
}
