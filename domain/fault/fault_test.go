package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
)

func TestIsComparesCodes(t *testing.T) {
	taken := fault.New(fault.Conflict, "identity.email_taken", "Taken.")
	cause := errors.New("unique_violation")
	err := fmt.Errorf("link e-mail: %w", taken.With("The address %q is taken.", "a@b").Because(cause))

	if !errors.Is(err, taken) {
		t.Error("a detailed copy is not its template")
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if errors.Is(err, fault.ErrInvalid) {
		t.Error("another code matches")
	}
	if taken.Detail != "Taken." {
		t.Error("With changed its receiver")
	}
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want fault.Kind
	}{
		{errors.New("plain"), fault.Internal},
		{fmt.Errorf("read: %w", fault.ErrUnavailable.After(time.Minute)), fault.Unavailable},
		{fault.ErrTimeout, fault.Timeout},
	} {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %v, want %v", c.err, got, c.want)
		}
	}
}

func TestCheckReportsEveryFault(t *testing.T) {
	var check fault.Check
	if check.Err() != nil {
		t.Fatal("an empty check is an error")
	}
	check.Add("/name", "required", "Give a name.")
	check.Add("/tags/3", "too_long", "At most %d characters.", 64)
	var f *fault.Fault
	if !errors.As(check.Err(), &f) || len(f.Fields) != 2 || f.Fields[1].Detail != "At most 64 characters." {
		t.Fatalf("got %+v", f)
	}
}
