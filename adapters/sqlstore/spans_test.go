package sqlstore

import (
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
)

func TestUntracedCallsCostNothing(t *testing.T) {
	unrecorded, _ := noop.NewTracerProvider().Tracer("test").Start(t.Context(), "request")
	s := &shared{engine: Engine{Name: "postgresql"}}
	if cost := testing.AllocsPerRun(100, func() {
		_, span := s.begin(unrecorded, "read session")
		s.end(span, nil)
	}); cost != 0 {
		t.Errorf("%v allocations", cost)
	}
}
