package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/overworldhq/overworld/ports/blob"
	"github.com/overworldhq/overworld/ports/clock"
	"github.com/overworldhq/overworld/ports/plugin"
)

// folder is a store in a folder. Each object is one file: a header of fixed
// size with the content type, and the content. It is written aside, made
// durable, and moved into place, which is one step of the file system.
type folder struct {
	root   *os.Root
	closed atomic.Bool
}

var _ blob.Store = (*folder)(nil)

const (
	objects  = "objects"  // the objects, in folders as their keys say
	incoming = "incoming" // what is being written
	// staleAfter is the age at which what is being written never will be.
	staleAfter = 24 * time.Hour
	// moves is how often a Put tries to move its file into a folder that
	// Deletes of its last object keep taking away.
	moves = 100
)

func openFolder(_ context.Context, address *url.URL, kit plugin.Kit) (blob.Store, error) {
	name := address.Host + address.Path
	if name == "" || address.RawQuery != "" || address.User != nil {
		return nil, errors.New("want file:// and a path, and nothing more")
	}
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{objects, incoming} {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	f := &folder{root: root}
	if err := f.sweep(kit.Clock); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

// sweep removes what processes that died left behind. Others may be at work, so
// it leaves alone what is young.
func (f *folder) sweep(clock clock.Clock) error {
	entries, err := f.entries(incoming)
	if err != nil {
		return fmt.Errorf("sweep unfinished objects: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && clock.Now().Sub(info.ModTime()) > staleAfter {
			err = f.root.Remove(path.Join(incoming, entry.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sweep unfinished objects: %w", err)
		}
	}
	return nil
}

// Put writes aside and moves into place.
func (f *folder) Put(ctx context.Context, key string, from io.Reader, size int64, contentType string) (err error) {
	contentType, err = checkPut(key, contentType)
	if err != nil {
		return err
	}
	if err := f.usable(ctx); err != nil {
		return err
	}
	aside := path.Join(incoming, uuid.NewString())
	defer func() {
		if err != nil {
			_ = f.root.Remove(aside) // if it is there; else swept later
		}
	}()
	if err := f.write(aside, contentType, &content{ctx: ctx, from: from, left: size}); err != nil {
		return broken("write object", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.move(aside, path.Join(objects, fileOf(key))); err != nil {
		return broken("store object", err)
	}
	return nil
}

func (f *folder) write(name, contentType string, from io.Reader) (err error) {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(header(contentType)); err != nil {
		return err
	}
	if _, err := io.Copy(file, from); err != nil {
		return err
	}
	return file.Sync()
}

// move makes the folders on the way as needed, and all of it durable.
func (f *folder) move(from, to string) error {
	made := false
	for try := 1; ; try++ {
		err := f.root.Rename(from, to)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || try == moves {
			return err
		}
		made = true
		if err := f.root.MkdirAll(path.Dir(to), 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for dir := path.Dir(to); ; dir = path.Dir(dir) {
		if err := f.sync(dir); err != nil {
			return err
		}
		if !made || dir == objects {
			return nil
		}
	}
}

// sync makes the entries of a folder durable. One that is gone has none.
func (f *folder) sync(dir string) (err error) {
	file, err := f.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return file.Sync()
}

// Get opens one file, so what it gives is of one Put, whatever happens to the key.
func (f *folder) Get(ctx context.Context, key string, offset, length int64) (blob.Object, error) {
	file, info, err := f.open(ctx, key)
	if err != nil {
		return blob.Object{}, err
	}
	length, err = window(offset, length, info.Size)
	if err == nil {
		_, err = file.Seek(headerSize+offset, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return blob.Object{}, err
	}
	return blob.Object{Info: info, Content: struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, length), file}}, nil
}

func (f *folder) Stat(ctx context.Context, key string) (blob.Info, error) {
	file, info, err := f.open(ctx, key)
	if err != nil {
		return blob.Info{}, err
	}
	return info, file.Close()
}

func (f *folder) open(ctx context.Context, key string) (*os.File, blob.Info, error) {
	if !blob.ValidKey(key) {
		return nil, blob.Info{}, blob.ErrKey
	}
	if err := f.usable(ctx); err != nil {
		return nil, blob.Info{}, err
	}
	file, err := f.root.Open(path.Join(objects, fileOf(key)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, blob.Info{}, blob.ErrNotFound
	}
	if err != nil {
		return nil, blob.Info{}, broken("open object", err)
	}
	info, err := describe(key, file)
	if err != nil {
		_ = file.Close()
		return nil, blob.Info{}, broken("open object", err)
	}
	return file, info, nil
}

// Delete also removes the folders that this leaves empty.
func (f *folder) Delete(ctx context.Context, key string) error {
	if !blob.ValidKey(key) {
		return blob.ErrKey
	}
	if err := f.usable(ctx); err != nil {
		return err
	}
	name := path.Join(objects, fileOf(key))
	if err := f.root.Remove(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return broken("delete object", err)
	}
	if err := f.sync(path.Dir(name)); err != nil {
		return broken("delete object", err)
	}
	f.prune(path.Dir(name))
	return nil
}

// prune removes empty folders from dir upwards, up to the first that others use or have removed.
func (f *folder) prune(dir string) {
	for ; dir != objects && f.root.Remove(dir) == nil; dir = path.Dir(dir) {
	}
}

// Ping writes, since a folder may be there to read only.
func (f *folder) Ping(ctx context.Context) error {
	if err := f.usable(ctx); err != nil {
		return err
	}
	name := path.Join(incoming, uuid.NewString())
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(file.Close(), f.root.Remove(name))
	}
	if err != nil {
		return unavailable("write to the folder", err)
	}
	return nil
}

func (f *folder) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	return f.root.Close()
}

func (f *folder) usable(ctx context.Context) error {
	if f.closed.Load() {
		return errClosed
	}
	return ctx.Err()
}

// broken tells a disk that is full, read only or failing, which somebody sees to, from what nobody foresaw.
func broken(operation string, err error) error {
	for _, why := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO} {
		if errors.Is(err, why) {
			return unavailable(operation, err)
		}
	}
	return fmt.Errorf("%s: %w", operation, err)
}

func (f *folder) entries(dir string) (entries []fs.DirEntry, err error) {
	file, err := f.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return file.ReadDir(-1)
}

// The header of an object's file: a line that says what it is, one byte with
// the length of the content type, the content type, and zeros.
const (
	headerLine = "overworld object 1\n"
	headerSize = 256
)

func header(contentType string) []byte {
	h := make([]byte, headerSize)
	n := copy(h, headerLine)
	h[n] = byte(len(contentType))
	copy(h[n+1:], contentType)
	return h
}

func describe(key string, file *os.File) (blob.Info, error) {
	var h [headerSize]byte
	_, err := io.ReadFull(file, h[:])
	line, rest := h[:len(headerLine)], h[len(headerLine):]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return blob.Info{}, err
	}
	if err != nil || !bytes.Equal(line, []byte(headerLine)) || rest[0] > maxContentType {
		return blob.Info{}, fmt.Errorf("%s is not an object's file", file.Name())
	}
	info, err := file.Stat()
	if err != nil {
		return blob.Info{}, err
	}
	return infoOf(key, string(rest[1:1+rest[0]]), info), nil
}

func infoOf(key, contentType string, info fs.FileInfo) blob.Info {
	return blob.Info{Key: key, Size: info.Size() - headerSize, ContentType: contentType, ModifiedAt: info.ModTime().UTC().Truncate(time.Microsecond)}
}
