package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

const gateway = "github.com/versity/versitygw"

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to serve S3 at")
	dir := flag.String("dir", "", "`folder` that keeps the buckets; made if it is missing")
	version := flag.Bool("version", false, "print the gateway's version and exit")
	flag.Parse()
	if *version {
		fmt.Println("versitygw", gatewayVersion())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "s3:", err)
		os.Exit(1)
	}
}

// serve answers until the context ends. The one account comes from the
// environment, so that its secret is on no command line.
func serve(ctx context.Context, listen, dir string) error {
	access, secret := os.Getenv("S3_ACCESS_KEY"), os.Getenv("S3_SECRET_KEY")
	if access == "" || secret == "" || dir == "" {
		return fmt.Errorf("-dir, S3_ACCESS_KEY and S3_SECRET_KEY are all needed")
	}
	store, err := open(dir)
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	return embedgw.RunVersityGW(ctx, store, &embedgw.Config{
		RootUserAccess:    access,
		RootUserSecret:    secret,
		Region:            "us-east-1",
		Ports:             []string{listen},
		MaxConnections:    4096,
		MaxRequests:       4096,
		MultipartMaxParts: 10000,
		KeepAlive:         true,
		Quiet:             true,
	})
}

// open keeps objects as files. Their headers go to extended attributes, or to
// files of their own where the file system has none.
func open(dir string) (backend.Backend, error) {
	buckets, sidecar := filepath.Join(dir, "buckets"), filepath.Join(dir, "headers")
	for _, d := range []string{buckets, sidecar} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	attributes := meta.XattrMeta{}
	if attributes.Test(buckets) == nil {
		return posix.New(buckets, attributes, posix.PosixOpts{})
	}
	files, err := meta.NewSideCar(sidecar)
	if err != nil {
		return nil, err
	}
	return posix.New(buckets, files, posix.PosixOpts{SideCarDir: sidecar})
}

func gatewayVersion() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, module := range info.Deps {
			if module.Path == gateway {
				return module.Version
			}
		}
	}
	return "unknown"
}
