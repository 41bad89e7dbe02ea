package bootstrap

import (
	"errors"
	"fmt"
	"testing"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
)

func TestExplain(t *testing.T) {
	var check fault.Check
	check.Add("/slug", "malformed", "Lower-case letters.")
	for want, err := range map[string]error{
		"plain":                        errors.New("plain"),
		"There is no such project":     fmt.Errorf("find project: %w", tenancy.ErrProjectNotFound),
		"disk full":                    fault.ErrInternal.Because(errors.New("disk full")),
		"This slug is in use: key (a)": tenancy.ErrSlugTaken.Because(errors.New("key (a)")),
		"Some members of the request break a rule; each is listed under errors\n  slug: Lower-case letters.": check.Err(),
	} {
		if got := explain(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
