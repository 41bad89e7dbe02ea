package bootstrap

import (
	"errors"
	"fmt"
	"io"
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
		"plain":                    errors.New("plain"),
		"There is no such project": fmt.Errorf("find project: %w", tenancy.ErrProjectNotFound),
		"disk full":                fault.ErrInternal.Because(errors.New("disk full")),
		"it is read-only":          fmt.Errorf("announce: %w", fault.ErrUnavailable.Because(errors.New("it is read-only"))),
		"This slug is in use":      tenancy.ErrSlugTaken.Because(errors.New("key (a)")),
		"Away: no route":           fault.New(fault.Unavailable, "x.y", "Away.").Because(errors.New("no route")),
		"this breaks a rule\n  slug: Lower-case letters.": check.Err(),
		"Not so\n  Without end.\n  a/b: Twice.": fault.New(fault.Malformed, "x.y", "Not so.").WithFields(
			fault.Body("", "truncated", "Without end."), fault.Body("/a/b", "duplicate_member", "Twice.")),
	} {
		if got := explain(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestAMisspeltCommandIsRefused: also below the first level, where nothing would be done.
func TestAMisspeltCommandIsRefused(t *testing.T) {
	for _, words := range []string{"frob", "project frob", "environment frob", "key frob", "board frob", "config frob"} {
		root := newRoot(plugin.NewRegistry(all.Plugins()...))
		root.SetOut(io.Discard)
		root.SetArgs(strings.Fields(words))
		if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "unknown command") {
			t.Errorf("%s: %v", words, err)
		}
	}
}

// TestHelpNamesTheSettingsThatMatter, while every command takes all of them.
func TestHelpNamesTheSettingsThatMatter(t *testing.T) {
	for command, want := range map[string][3]bool{
		"serve": {true, true, true}, "config print": {true, true, true}, "board list": {true, false, false}, "health": {false, true, false}, "tour": {},
	} {
		for i, flag := range []string{"--database", "--listen", "--limits.page-items"} {
			var help strings.Builder
			root := newRoot(plugin.NewRegistry(all.Plugins()...))
			root.SetOut(&help)
			root.SetArgs(append(strings.Fields(command), "--help"))
			if err := root.Execute(); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(help.String(), flag+" ") != want[i] {
				t.Errorf("%s --help names %s: %t", command, flag, !want[i])
			}
		}
	}
	root := newRoot(plugin.NewRegistry(all.Plugins()...))
	root.SetOut(io.Discard)
	root.SetArgs([]string{"migrate", "--data", t.TempDir(), "--limits.page-items", "50"})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Error(err)
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
