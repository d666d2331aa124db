// Command s3server is an S3 service for tests: VersityGW before a folder, whose
// filesystem has to keep user attributes of files. It listens on a Unix socket, and
// ends when its standard input does.
//
//	s3server FOLDER SOCKET ACCESS-KEY SECRET
//
// It is a module of its own, because nothing else here needs what it needs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "s3server:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%d arguments, not FOLDER SOCKET ACCESS-KEY SECRET", len(args))
	}
	socket, err := filepath.Abs(args[1]) // before the gateway goes into the folder
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	folder, err := posix.New(args[0], meta.XattrMeta{}, posix.PosixOpts{})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(ctx, folder, &embedgw.Config{
		RootUserAccess: args[2], RootUserSecret: args[3], Ports: []string{socket},
		MaxConnections: 256, MaxRequests: 256, MultipartMaxParts: 10000,
		KeepAlive: true, Quiet: true,
	})
}
