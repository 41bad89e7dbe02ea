package httpapi

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count requests. Each route holds its own counters, so that counting
// one looks nothing up.
type metrics struct {
	inFlight prometheus.Gauge
	refused  prometheus.Counter
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// observers are those of one route.
type observers struct {
	byClass  [6]prometheus.Counter // 1xx to 5xx, from 1
	duration prometheus.Observer
}

func newMetrics(registry prometheus.Registerer) (metrics, error) {
	m := metrics{
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "overworld_http_requests_in_flight", Help: "Requests being served now.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "overworld_http_requests_refused_total", Help: "Requests refused at once because too many were being served.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "overworld_http_requests_total", Help: "Requests served, by operation and class of status. A client that left early is 4xx.",
		}, []string{"operation", "class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "overworld_http_request_duration_seconds", Help: "How long requests took, by operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"}),
	}
	if registry == nil {
		return m, nil
	}
	for _, collector := range []prometheus.Collector{m.inFlight, m.refused, m.requests, m.duration} {
		if err := registry.Register(collector); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (m metrics) of(operation string) *observers {
	o := &observers{duration: m.duration.WithLabelValues(operation)}
	for class := 1; class < len(o.byClass); class++ {
		o.byClass[class] = m.requests.WithLabelValues(operation, strconv.Itoa(class)+"xx")
	}
	return o
}

// done counts a request that ended with a status; one without a status failed.
func (o *observers) done(status int, took time.Duration) {
	class := status / 100
	if class < 1 || class >= len(o.byClass) {
		class = 5
	}
	o.byClass[class].Inc()
	o.duration.Observe(took.Seconds())
}
