// Package stores runs real object stores on this machine for tests: Azurite, which
// is Microsoft's emulator of Azure Blob Storage, and an S3 service. Each is reached
// through a Proxy, which puts faults between a client and the store.
//
// A store that cannot be started fails the test that asks for it. With
// STEAD_UNPRIVILEGED=1 in the environment the test is skipped instead, with a line
// that says what is missing.
package stores

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a store may take to start, on a busy machine.
const patience = time.Minute

// Shared is a store that the tests of a package share. The first one starts it.
// Run or Stop ends it.
type Shared struct {
	Start func() (*Server, error)

	once   sync.Once
	server *Server
	err    error
}

// Get returns the store.
func (s *Shared) Get(t testing.TB) *Server {
	t.Helper()
	s.once.Do(func() { s.server, s.err = s.Start() })
	if s.err != nil && os.Getenv("STEAD_UNPRIVILEGED") == "1" {
		t.Skipf("skipped: needs an object store: %v", s.err)
	}
	if s.err != nil {
		t.Fatalf("needs an object store: %v (scripts/setup.sh test installs it)", s.err)
	}
	return s.server
}

// Run runs the tests of a package, and stops the store behind them.
func (s *Shared) Run(m *testing.M) int {
	code := m.Run()
	s.Stop()
	return code
}

// Stop stops the store, if it runs.
func (s *Shared) Stop() {
	if s.server != nil {
		s.server.stop()
	}
}

// Server is a store that runs.
type Server struct {
	dir     string // where it runs, removed with it
	data    string // the same, where it keeps its data elsewhere
	process *exec.Cmd
	stdin   io.Closer
	output  *transcript
	ended   chan struct{} // closed when the process has, with the result
	result  error

	network, address string // where it listens
	Authority        string // the file with its certificate, if it has one
}

// Address is where it listens, past every Proxy.
func (s *Server) Address() string { return s.address }

// launch starts a program that ends with its standard input.
func launch(program string, args ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "stead-store-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, process: exec.Command(program, args...), output: &transcript{}, ended: make(chan struct{})}
	s.process.Dir, s.process.Stdout, s.process.Stderr = dir, s.output, s.output
	stdin, err := s.process.StdinPipe()
	if err == nil {
		s.stdin = stdin
		err = s.process.Start()
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// await calls ready until it says so.
func (s *Server) await(ready func() bool) (*Server, error) {
	go func() {
		s.result = s.process.Wait()
		close(s.ended)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for {
		select {
		case <-tick.C:
			if ready() {
				return s, nil
			}
		case <-s.ended:
			s.remove()
			return nil, fmt.Errorf("%s has ended (%v): %s", s.process.Path, s.result, s.output)
		case <-late:
			s.stop()
			return nil, fmt.Errorf("%s does not listen after %v: %s", s.process.Path, patience, s.output)
		}
	}
}

// stop ends the process, and removes what it has written.
func (s *Server) stop() {
	s.stdin.Close()
	s.process.Process.Kill() // its data goes with it: there is nothing to save
	<-s.ended
	s.remove()
}

func (s *Server) remove() {
	os.RemoveAll(s.dir)
	if s.data != "" {
		os.RemoveAll(s.data)
	}
}

// transcript keeps what a program says.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// root is the folder with the module's go.mod.
func root() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if file, openErr := os.Open(filepath.Join(dir, "go.mod")); openErr == nil {
			line, _ := bufio.NewReader(file).ReadString('\n')
			file.Close()
			if strings.TrimSpace(line) == "module stead" {
				return dir, nil
			}
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod of the module stead above here")
		}
	}
	return "", err
}
