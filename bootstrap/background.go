package bootstrap

import (
	"context"
	"time"

	"go.uber.org/fx"
)

// background runs a function while the process serves, until its context ends. Then whatever
// stops after it waits for it, and last, if it isn't nil, is done.
func background(lc fx.Lifecycle, run func(ctx context.Context), last func(ctx context.Context)) {
	running, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	lc.Append(fx.StartStopHook(func() {
		go func() {
			defer close(ended)
			run(running)
		}()
	}, func(ctx context.Context) {
		stop()
		<-ended
		if last != nil {
			last(ctx)
		}
	}))
}

// each runs a function at every tick until ctx ends.
func each(ctx context.Context, tick time.Duration, run func()) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			run()
		}
	}
}
