package redis

import (
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
)

func TestUntracedCallsCostNothing(t *testing.T) {
	unrecorded, _ := noop.NewTracerProvider().Tracer("test").Start(t.Context(), "request")
	if cost := testing.AllocsPerRun(100, func() {
		_, span := begin(unrecorded, "look")
		end(span, nil)
	}); cost != 0 {
		t.Errorf("%v allocations", cost)
	}
}
