package blobstore

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/blob"
)

// onSmallDisk tells the process of a test that it is the one that has the small file system.
const onSmallDisk = "OVERWORLD_TEST_SMALL_DISK"

// TestAFullDisk fills a file system of 64 KiB, which only a process of its own sees: what doesn't fit is refused
// as what may go later, leaves nothing behind, and all that was stored is there.
func TestAFullDisk(t *testing.T) {
	dir := os.Getenv(onSmallDisk)
	if dir == "" {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAFullDisk$", "-test.v")
		again.Env = append(os.Environ(), onSmallDisk+"="+t.TempDir())
		again.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := again.CombinedOutput()
		if errors.Is(err, syscall.EPERM) {
			t.Log("this machine lets nobody have a file system of his own; TestADiskThatFails is what there is instead")
			return
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: TestAFullDisk") {
			t.Fatalf("in its own process: %v\n%s", err, out)
		}
		return
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	store, content := openStore(t, "file://"+dir+"/blobs"), strings.Repeat("x", 10_000)
	write := func(key string) error {
		return store.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), "text/plain")
	}
	stored := 0
	var err error
	for ; err == nil && stored < 100; stored++ {
		err = write(strings.Repeat("k", stored+1))
	}
	stored-- // the last was refused
	if !errors.Is(err, fault.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) || stored < 1 {
		t.Fatalf("after %d objects: %v", stored, err)
	}
	if left, err := os.ReadDir(dir + "/blobs/" + incoming); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	found, err := store.List(t.Context(), "", "", 100)
	if err != nil || len(found) != stored {
		t.Errorf("%d of %d objects are there, %v", len(found), stored, err)
	}
	if err := store.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if err := write("again"); err != nil {
		t.Errorf("with room: %v", err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"put": write("k"), "delete": store.Delete(t.Context(), "again"), "ping": store.Ping(t.Context())} {
		if !errors.Is(err, fault.ErrUnavailable) || !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s, read only: %v", what, err)
		}
	}
	if _, err := store.Stat(t.Context(), "again"); err != nil {
		t.Error(err)
	}
	if _, err := store.Stat(t.Context(), "k"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("what was deleted: %v", err)
	}
}
