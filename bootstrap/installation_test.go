package bootstrap

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/overworldhq/overworld/adapters/all"
	"github.com/overworldhq/overworld/app/custody"
	"github.com/overworldhq/overworld/ports/plugin"
)

// Who starts a server on an empty database beside the objects of another, before
// he restores that one or because he mistyped, loses none of them.
func TestANewDatabaseLeavesAnothersObjectsAlone(t *testing.T) {
	mine := embedded(t)
	if err := serving(t, mine).stop(); err != nil {
		t.Fatal(err)
	}
	blobs := filepath.ToSlash(filepath.Join(mine.Data, "blobs"))
	run := func(c string, arguments ...string) (string, error) {
		var out strings.Builder
		root := newRoot(plugin.NewRegistry(all.Plugins()...))
		root.SetOut(&out)
		root.SetErr(io.Discard)
		root.SetArgs(append(arguments, "--data", c, "--blobs", "file://"+blobs))
		err := root.ExecuteContext(t.Context())
		return out.String(), err
	}
	wrong := embedded(t, "--blobs", "file://"+blobs)
	err := serve(t.Context(), wrong, plugin.NewRegistry(all.Plugins()...), io.Discard, io.Discard)
	if err == nil || err.Error() != custody.ErrTaken.Error() {
		t.Fatalf("it was started: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(blobs, "objects")); err != nil || len(entries) != 1 {
		t.Errorf("objects: %v, %v", entries, err)
	}
	if err := serving(t, mine).stop(); err != nil {
		t.Fatal(err)
	}
	if shown, err := run(wrong.Data, "installation", "show"); err != nil || !strings.HasPrefix(shown, "database      none\nobject store  ") {
		t.Errorf("shown: %s, %v", shown, err)
	}
	if _, err := run(wrong.Data, "installation", "adopt"); err != nil {
		t.Fatal(err)
	}
	if err := serving(t, wrong).stop(); err != nil {
		t.Fatal(err)
	}
	err = serve(t.Context(), mine, plugin.NewRegistry(all.Plugins()...), io.Discard, io.Discard)
	if err == nil || err.Error() != custody.ErrOther.Error() {
		t.Errorf("who had the objects before: %v", err)
	}
}
