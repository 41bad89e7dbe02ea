package httpapi

import (
	goruntime "runtime"
	"sync"
	"time"
)

const (
	// respite is the least that who is refused is asked to wait.
	respite = time.Second
	// longestRespite is the most.
	longestRespite = 8 * time.Second
	// returnsASecond is how many a second are asked to come back, for each of Go's processors: to
	// refuse them once more costs some hundredth of it.
	returnsASecond = 500
)

// returns spreads those who are refused over the coming seconds. If all were asked to wait for the
// same time, the more there are the more of the server's time went into refusing them again; and those
// whom one moment drove away would come back in one moment.
type returns struct {
	every time.Duration

	mu   sync.Mutex
	next time.Time // when the next may come
}

func newReturns() returns {
	return returns{every: time.Second / time.Duration(returnsASecond*goruntime.GOMAXPROCS(0))}
}

// after tells how long somebody who is refused now is asked to wait, in whole seconds.
func (r *returns) after(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next.Before(now) {
		r.next = now
	}
	wait := respite + r.next.Sub(now).Truncate(time.Second)
	if wait < longestRespite {
		r.next = r.next.Add(r.every)
	}
	return wait
}
