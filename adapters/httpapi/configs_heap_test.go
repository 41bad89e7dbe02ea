package httpapi

import (
	"fmt"
	"net/http"
	goruntime "runtime"
	"strings"
	"testing"
)

// Whoever has the game's publishable key may ask for any of the subsets of its configs. Each is written from
// the same few values.
func TestAnswersCostNoMemory(t *testing.T) {
	f := newFixture(t)
	const configs, size, subsets = 12, 100_000, 500
	for i := range configs {
		name := fmt.Sprintf("c%d", i)
		f.do("PUT", configsAt+"/"+name, f.operator, `{"readers":"public"}`).is(http.StatusCreated)
		f.activate(name, `{"bundle":"`+f.push(fmt.Sprintf(`{"i":%d,"pad":"%s"}`, i, strings.Repeat("x", size)))+`"}`)
	}
	heap := func() uint64 {
		goruntime.GC()
		var m goruntime.MemStats
		goruntime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	all := f.do("GET", "/v1/config", f.publishable, "").is(http.StatusOK).Body.Len()
	before := heap()
	tags := map[string]bool{}
	for subset := 1; len(tags) < subsets; subset += 7 {
		var names []string
		for i := range configs {
			if subset>>i&1 == 1 {
				names = append(names, fmt.Sprintf("c%d", i))
			}
		}
		r := f.do("HEAD", "/v1/config?config="+strings.Join(names, ","), f.publishable, "").is(http.StatusOK)
		tags[r.Header().Get("ETag")] = true
		if got := r.Header().Get("Content-Length"); len(names) == configs && got != fmt.Sprint(all) {
			t.Errorf("all of them are %s bytes, want %d", got, all)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("%d answers keep %d MiB", subsets, grown>>20)
	}
}
