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
	// retriesASecond is how many a second are asked to come back, for each of Go's processors: to
	// refuse them once more costs some hundredth of it.
	retriesASecond = 500
)

// backoff spreads those who are refused over the coming seconds. If all were asked to wait for the
// same time, the more there are the more of the server's time went into refusing them again; and those
// whom one moment drove away would come back in one moment.
type backoff struct {
	every time.Duration

	mu   sync.Mutex
	next time.Time // when the next may come
}

func newBackoff() backoff {
	return backoff{every: time.Second / time.Duration(retriesASecond*goruntime.GOMAXPROCS(0))}
}

// after tells how long somebody who is refused now is asked to wait, in whole seconds.
func (b *backoff) after(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next.Before(now) {
		b.next = now
	}
	wait := respite + b.next.Sub(now).Truncate(time.Second)
	if wait < longestRespite {
		b.next = b.next.Add(b.every)
	}
	return wait
}
