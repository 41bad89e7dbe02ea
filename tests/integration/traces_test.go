package integration

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/overworldhq/overworld/tests/integration/harness"
)

// collector takes spans by OTLP over HTTP.
type collector struct {
	*httptest.Server
	mu        sync.Mutex
	spans     []*tracepb.Span
	processes []*commonpb.KeyValue
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("what the collector got: %v", err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		body = unpacked
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var batch collectorpb.ExportTraceServiceRequest
	if err := proto.Unmarshal(text, &batch); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range batch.ResourceSpans {
		c.processes = append(c.processes, of.Resource.Attributes...)
		for _, scope := range of.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	return nil
}

// find gives the first span for which want holds, or nil.
func (c *collector) find(want func(*tracepb.Span) bool) *tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.IndexFunc(c.spans, want); i >= 0 {
		return c.spans[i]
	}
	return nil
}

// await waits for a span.
func (c *collector) await(t *testing.T, what string, want func(*tracepb.Span) bool) (found *tracepb.Span) {
	t.Helper()
	harness.Eventually(t, patience, what, func() bool {
		found = c.find(want)
		return found != nil
	})
	return found
}

// under is for the span of a name that is a child of another.
func under(parent *tracepb.Span, name string) func(*tracepb.Span) bool {
	return func(s *tracepb.Span) bool {
		return s.Name == name && string(s.ParentSpanId) == string(parent.SpanId) && string(s.TraceId) == string(parent.TraceId)
	}
}

// told is the value of an attribute, as text.
func told(attributes []*commonpb.KeyValue, key string) string {
	for _, a := range attributes {
		if a.Key == key {
			if text := a.Value.GetStringValue(); text != "" {
				return text
			}
			return a.Value.String()
		}
	}
	return ""
}

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerID = "00f067aa0ba902b7"
)

// TestTraces follows requests from their callers to the database, with a
// collector that takes what a real one would.
func TestTraces(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	stack, postgres, redis := harness.Durable(t)
	w := newWorld(t, stack.With("TRACES="+c.URL, "TRACES_RATIO=0"))
	player, _ := w.player(t)
	operation := func(trace, name string) func(*tracepb.Span) bool {
		return func(s *tracepb.Span) bool { return hex.EncodeToString(s.TraceId) == trace && s.Name == name }
	}

	reply := player.Do(t, "PUT", savePath, object{"value": object{"n": 1}}, "Traceparent", "00-"+traceID+"-"+callerID+"-01").Want(t, http.StatusCreated)
	served := c.await(t, "span of the request", operation(traceID, "putPlayerDocument"))
	if got := reply.Header.Get("Traceparent"); got != "00-"+traceID+"-"+hex.EncodeToString(served.SpanId)+"-01" {
		t.Errorf("the reply's traceparent is %q", got)
	}
	if hex.EncodeToString(served.ParentSpanId) != callerID || served.Kind != tracepb.Span_SPAN_KIND_SERVER || served.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("the span of the request: %v", served)
	}
	for key, want := range map[string]string{
		"http.request.method": "PUT", "http.route": "/v1/players/{player}/documents/{collection}/{key}", "http.response.status_code": "int_value:201",
		"overworld.caller_kind": "player", "overworld.request_id": reply.Header.Get("X-Request-Id"),
	} {
		if got := told(served.Attributes, key); got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	if told(served.Attributes, "overworld.environment_id") == "" || told(c.processes, "service.name") != "overworld" || told(c.processes, "service.instance.id") == "" {
		t.Errorf("nobody knows whose span this is: %v %v", served.Attributes, c.processes)
	}
	if cached := c.await(t, "look at the session", under(served, "redis look")); told(cached.Attributes, "db.system.name") != "redis" {
		t.Errorf("a call of Redis: %v", cached)
	}
	commit := c.await(t, "shared commit", func(s *tracepb.Span) bool {
		return s.Name == "commit documents" && slices.ContainsFunc(s.Links, func(l *tracepb.Span_Link) bool { return string(l.SpanId) == string(served.SpanId) })
	})
	if hex.EncodeToString(commit.TraceId) == traceID || len(commit.ParentSpanId) != 0 {
		t.Errorf("what callers share belongs to one of them: %v", commit)
	}
	transaction := c.await(t, "transaction", under(commit, "transaction"))
	if statement := c.await(t, "statement", under(transaction, "write documents")); told(statement.Attributes, "db.system.name") != "postgresql" {
		t.Errorf("a statement: %v", statement)
	}
	told := slices.ContainsFunc(w.first.Log("request"), func(line map[string]any) bool {
		return line["operation"] == "putPlayerDocument" && line["trace_id"] == traceID
	})
	if !told {
		t.Error("no line of the log has the trace")
	}

	// A caller who doesn't want it isn't traced, but told all the same.
	const other = "5bf92f3577b34da6a3ce929d0e0e4736"
	reply = player.Do(t, "PUT", savePath, object{"value": object{"n": 2}}, "Traceparent", "00-"+other+"-"+callerID+"-00").Want(t, http.StatusOK)
	if got := reply.Header.Get("Traceparent"); len(got) != 55 || got[3:35] != other || got[53:] != "00" {
		t.Errorf("the reply's traceparent is %q", got)
	}

	redis.Kill()
	const third = "6bf92f3577b34da6a3ce929d0e0e4736"
	player.Do(t, "GET", savePath, nil, "Traceparent", "00-"+third+"-"+callerID+"-01").Want(t, http.StatusOK)
	served = c.await(t, "span of a request without the cache", operation(third, "getPlayerDocument"))
	if served.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("a request that went well: %v", served)
	}
	if cached := c.await(t, "failed call of the cache", under(served, "redis look")); cached.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("a failed call: %v", cached)
	}

	postgres.Kill()
	const fourth = "7bf92f3577b34da6a3ce929d0e0e4736"
	player.Do(t, "GET", savePath, nil, "Traceparent", "00-"+fourth+"-"+callerID+"-01").Refused(t, http.StatusServiceUnavailable, "service.unavailable")
	served = c.await(t, "span of a failed request", operation(fourth, "getPlayerDocument"))
	if served.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || !attributed(served, "overworld.problem", "service.unavailable") {
		t.Errorf("a failed request: %v", served)
	}
	failed := c.await(t, "failed statement", func(s *tracepb.Span) bool {
		return string(s.ParentSpanId) == string(served.SpanId) && attributed(s, "db.system.name", "postgresql")
	})
	if failed.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("a failed statement: %v", failed)
	}

	player.Do(t, "GET", "/healthz", nil, "Traceparent", "00-"+traceID+"-"+callerID+"-01").Want(t, http.StatusOK)
	postgres.Start()
	w.first.Stop() // delivers the last
	if s := c.find(func(s *tracepb.Span) bool {
		return hex.EncodeToString(s.TraceId) == other || s.Name == "getHealth" || s.Name == "getReadiness" || s.Name == "signInGuest"
	}); s != nil {
		t.Errorf("nobody asked for this span: %v", s)
	}
}

func attributed(s *tracepb.Span, key, value string) bool { return told(s.Attributes, key) == value }

// TestTracesOfWorkers has everything traced, and stops at once: the last spans
// are delivered still.
func TestTracesOfWorkers(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	stack := harness.Embedded(t).With("TRACES="+c.URL+"/v1/traces", "TRACES_RATIO=1")
	replica := stack.Serve(t)
	harness.Eventually(t, patience, "run of a job", func() bool {
		return metricOf(replica.Metrics(), `overworld_job_runs_total{job="token-purge",outcome="success"}`) != ""
	})
	replica.Client("").Do(t, "GET", "/nothing", nil).Want(t, http.StatusNotFound)
	replica.Stop()
	run := c.find(func(s *tracepb.Span) bool { return s.Name == "job token-purge" })
	if run == nil || len(run.ParentSpanId) != 0 || c.find(under(run, "transaction")) == nil {
		t.Errorf("a job's run: %v", run)
	}
	if lost := c.find(func(s *tracepb.Span) bool { return s.Name == "unmatched" }); lost == nil || !attributed(lost, "overworld.problem", "request.unknown_route") {
		t.Errorf("a request that has no route: %v", lost)
	}
}

// TestTracesGoNowhere has collectors that are away and that never answer: requests
// and the stop don't mind.
func TestTracesGoNowhere(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer stuck.Close()
	defer close(hold)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, address := range map[string]string{"away": gone.URL, "stuck": stuck.URL} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, harness.Embedded(t).With("TRACES="+address, "TRACES_RATIO=1"))
			walk(t, w)
			lost := func() bool {
				value := metricOf(w.first.Metrics(), "overworld_trace_spans_lost_total")
				return value != "" && value != "0"
			}
			harness.Eventually(t, patience, "loss", lost)
			walk(t, w)
			if warned := w.first.Log("traces are not delivered"); len(warned) != 1 {
				t.Errorf("the log warns %d times", len(warned))
			}
			w.first.Stop()
		})
	}
}
