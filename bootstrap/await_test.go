package bootstrap

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAwait(t *testing.T) {
	refused, wrong := errors.New("connection refused"), errors.New("wrong password")
	for name, c := range map[string]struct {
		tries []error // nil: it hangs, and ends with the context. The last is repeated
		done  error   // what ends the waiting, if it comes up
		want  error
		after time.Duration
	}{
		"there":                         {tries: []error{wrong}, done: wrong, want: wrong},
		"there later":                   {tries: []error{refused, refused, wrong}, done: wrong, want: wrong, after: 2 * lookAgain},
		"never there":                   {tries: []error{refused}, want: refused, after: patience},
		"never there, and then it hung": {tries: []error{refused, nil}, want: refused, after: patience},
		"it hung from the beginning":    {tries: []error{nil}, want: context.DeadlineExceeded, after: patience},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun, tried := time.Now(), 0
			err := await(t.Context(), func(ctx context.Context) (bool, error) {
				now := c.tries[min(tried, len(c.tries)-1)]
				tried++
				if now == nil {
					<-ctx.Done()
					now = ctx.Err()
				}
				return errors.Is(now, c.done), now
			})
			if !errors.Is(err, c.want) || time.Since(begun) != c.after {
				t.Errorf("%s: %v after %s, want %v after %s", name, err, time.Since(begun), c.want, c.after)
			}
		})
	}
}
