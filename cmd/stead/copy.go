package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// newCopyCmd puts this program where the container of a workload finds it: its own
// image has no other program that could.
func newCopyCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "copy FILE",
		Short:  "copy this program to a file (for an init container)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := copySelf(args[0]); err != nil {
				return withCode(exitFailed, fmt.Errorf("copy to %s: %w", args[0], err))
			}
			return nil
		},
	}
}

// copySelf replaces a file with this program, as a whole.
func copySelf(file string) (err error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	next := file + ".new"
	copied, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, self)
	if err := errors.Join(err, copied.Chmod(0o755), copied.Sync(), copied.Close()); err != nil {
		_ = os.Remove(next)
		return err
	}
	return os.Rename(next, file)
}
