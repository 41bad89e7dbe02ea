package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// canInstall says whether this is Debian, or one of its kind, and we are root.
func canInstall() bool {
	if os.Geteuid() != 0 {
		return false
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return false
	}
	_, err := exec.LookPath("apt-get")
	return err == nil
}

// install installs the servers from the distribution. Debian starts them as
// services where there is a service manager; the tests leave those alone and
// start their own.
func install(ctx context.Context) error {
	fmt.Println("installing postgresql, redis-server and curl")
	for _, arguments := range [][]string{
		{"update", "-qq"},
		{"install", "-y", "-qq", "--no-install-recommends", "postgresql", "redis-server", "curl"},
	} {
		cmd := exec.CommandContext(ctx, "apt-get", arguments...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", arguments[0], err, out)
		}
	}
	return nil
}
