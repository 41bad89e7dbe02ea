package bootstrap

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/domain/tenancy"
	"github.com/overworldhq/overworld/ports/plugin"
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

// TestConfigurationFaultsComeAllAtOnce: those of settings and those of adapters.
func TestConfigurationFaultsComeAllAtOnce(t *testing.T) {
	root := newRoot(plugin.NewRegistry(all.Plugins()...))
	root.SetArgs([]string{"serve", "--database", "mongo://u:hunter2@h", "--cache", "memcached://h", "--log-level", "loud", "--listen", "here"})
	err := root.Execute()
	if err == nil {
		t.Fatal("it served")
	}
	for _, words := range []string{"mongo", "memcached", "loud", "here", "sqlite://"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%v does not mention %s", err, words)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v shows a password", err)
	}
}
