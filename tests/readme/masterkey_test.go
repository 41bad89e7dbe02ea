package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLostMasterKey does what docs/operations.md says to do.
func TestLostMasterKey(t *testing.T) {
	data := t.TempDir()
	overworld := func(args ...string) *exec.Cmd {
		command := exec.CommandContext(t.Context(), binary, args...)
		command.Env = append(os.Environ(), "OVERWORLD_DATA="+data)
		return command
	}
	rotate := []string{"key", "rotate-signing", "--project", "space-race", "--environment", "production"}
	run(t, overworld("project", "create", "space-race"))
	run(t, overworld(rotate...))

	if err := os.WriteFile(filepath.Join(data, "master.key"), []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := overworld(rotate...).CombinedOutput(); err == nil || !strings.Contains(string(out), "is the master key the one it was made with?") {
		t.Errorf("with another master key: %v\n%s", err, out)
	}
	run(t, overworld(append(rotate, "--at-once")...))
	run(t, overworld(rotate...))
}
