package testns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// builtAt names the directory with the binary, so that a child of a test program
// does not build it again.
const builtAt = "STEAD_TEST_BUILT_AT"

// RunBuilt is Run for a package that tests the static binary: it is built first,
// where every user may run it, and removed at the end. Stead tells where it is.
func RunBuilt(m *testing.M) int { return RunBuiltBy(Run, m) }

// RunBuiltBy is RunBuilt for tests that are run in another way than by Run.
func RunBuiltBy(run func(*testing.M) int, m *testing.M) int {
	if os.Getenv(builtAt) == "" {
		dir, err := os.MkdirTemp("", "stead-built-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := build(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return run(m)
}

func build(dir string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "stead"), "stead/cmd/stead")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return errors.Join(os.Chmod(dir, 0o755), os.Setenv(builtAt, dir))
}

// Stead is the path of the binary that RunBuilt has built.
func Stead() string { return filepath.Join(os.Getenv(builtAt), "stead") }

// Log is what a program has written. It may be read while it is written.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns what was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
