package blobstore

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/overworldhq/overworld/domain/fault"
	"github.com/overworldhq/overworld/ports/blob"
)

func put(t *testing.T, store blob.Store, key, content string) {
	t.Helper()
	if err := store.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), "text/plain"); err != nil {
		t.Fatal(err)
	}
}

func TestFolderKeepsObjectsAndOnlyForItsOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "for", "it")
	first := openStore(t, "file://"+dir)
	put(t, first, "a/B", "content")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	object, err := openStore(t, "file://"+dir).Get(t.Context(), "a/B", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = object.Content.Close() }()
	if content, err := io.ReadAll(object.Content); err != nil || string(content) != "content" {
		t.Errorf("after opening again: %q, %v", content, err)
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %s: others may read it", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestADiskThatFails: what somebody sees to may be tried again, and anything else is a fault of ours.
func TestADiskThatFails(t *testing.T) {
	for why, away := range map[error]bool{
		syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EROFS: true, syscall.EIO: true, syscall.EISDIR: false, io.ErrUnexpectedEOF: false,
	} {
		err := broken("write object", &fs.PathError{Op: "write", Path: "x", Err: why})
		if !errors.Is(err, why) || errors.Is(err, fault.ErrUnavailable) != away || !strings.Contains(err.Error(), "write object") {
			t.Errorf("%v: %v", why, err)
		}
	}
}

func TestFolderByARelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, openStore(t, "file://data/blobs"), "k", "content")
	if _, err := os.Stat("data/blobs/objects/k="); err != nil {
		t.Error(err)
	}
}

// What a process that died left behind is never seen, and goes after a day.
func TestFolderSweepsWhatWasNeverFinished(t *testing.T) {
	dir := t.TempDir()
	put(t, openStore(t, "file://"+dir), "k", "content")
	old, young := filepath.Join(dir, incoming, "old"), filepath.Join(dir, incoming, "young")
	for _, name := range []string{old, young} {
		if err := os.WriteFile(name, header("text/plain"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-staleAfter - time.Minute)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	store := openStore(t, "file://"+dir)
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("the old one is there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the young one may be being written: %v", err)
	}
	if found, err := store.List(t.Context(), "", "", 10); err != nil || len(found) != 1 {
		t.Errorf("list = %v, %v; want the one object", found, err)
	}
}

func TestFolderLeavesNothingOfAFailedPut(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, "file://"+dir)
	if err := store.Put(t.Context(), "a/b", strings.NewReader("content"), 100, ""); err == nil {
		t.Fatal("a short content was stored")
	}
	names, err := os.ReadDir(filepath.Join(dir, incoming))
	if err != nil || len(names) != 0 {
		t.Errorf("incoming has %v, %v", names, err)
	}
	if names, err = os.ReadDir(filepath.Join(dir, objects)); err != nil || len(names) != 0 {
		t.Errorf("objects has %v, %v", names, err)
	}
}

func TestFolderRemovesEmptyFolders(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, "file://"+dir)
	put(t, store, "a/b/c", "")
	put(t, store, "a/d", "")
	if err := store.Delete(t.Context(), "a/b/c"); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(filepath.Join(dir, objects, "a"))
	if err != nil || len(names) != 1 || names[0].Name() != "d=" {
		t.Errorf("a has %v, %v; want the file of a/d alone", names, err)
	}
}

// A Put whose folder a Delete takes away under its hands makes it again.
func TestFolderPutsWhileFoldersComeAndGo(t *testing.T) {
	store := openStore(t, "file://"+t.TempDir())
	var wait sync.WaitGroup
	for w := range 8 {
		wait.Go(func() {
			for range 50 {
				key := "a/b/c/" + strconv.Itoa(w)
				if err := store.Put(t.Context(), key, strings.NewReader(key), int64(len(key)), ""); err != nil {
					t.Errorf("put: %v", err)
				}
				if _, err := store.Stat(t.Context(), key); err != nil {
					t.Errorf("stat: %v", err)
				}
				if err := store.Delete(t.Context(), key); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	wait.Wait()
}

// What isn't ours is neither listed nor read, and a link never leads out.
func TestFolderIgnoresStrangers(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	store := openStore(t, "file://"+dir)
	put(t, store, "k", "content")
	secret := filepath.Join(outside, "secret=")
	if err := os.WriteFile(secret, append(header("text/plain"), "secret"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"k=1": "x", "short=": "x", "other=": strings.Repeat("x", 1000)} {
		if err := os.WriteFile(filepath.Join(dir, objects, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link=": secret, "dir": outside} {
		if err := os.Symlink(target, filepath.Join(dir, objects, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"short", "other", "link", "dir/secret"} {
		if object, err := store.Get(t.Context(), key, 0, -1); err == nil {
			_ = object.Content.Close()
			t.Errorf("%q was opened", key)
		}
	}
	found, err := store.List(t.Context(), "", "", 10)
	if err != nil || len(found) != 2 || found[0].Key != "k" || found[1].Key != "other" { // as far as a listing looks
		t.Errorf("list = %+v, %v", found, err)
	}
}

func TestFolderPingFindsAFolderThatIsGone(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, "file://"+dir)
	if err := os.RemoveAll(filepath.Join(dir, incoming)); err != nil {
		t.Fatal(err)
	}
	if err := store.Ping(t.Context()); err == nil {
		t.Error("ping is fine")
	}
}

func TestNamesAreUnambiguous(t *testing.T) {
	seen := map[string]string{}
	for _, segment := range []string{"a", "A", "aA", "Aa", "=", "a-b", "a.", "Zz"} {
		if !blob.ValidKey(segment) {
			continue
		}
		for _, name := range []string{fileOf(segment), encode(segment)} {
			if other, taken := seen[strings.ToLower(name)]; taken {
				t.Errorf("%q and %q have one name", segment, other)
			}
			seen[strings.ToLower(name)] = segment
			if got, object, ok := decode(name); !ok || got != segment || object != strings.HasSuffix(name, "=") {
				t.Errorf("decode(%q) = %q, %t, %t", name, got, object, ok)
			}
		}
	}
	for _, name := range []string{"", "=", "a=1", "==", "=A", "a=-"} {
		if segment, _, ok := decode(name); ok {
			t.Errorf("decode(%q) = %q", name, segment)
		}
	}
}
