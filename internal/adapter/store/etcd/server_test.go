package etcd

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stead/internal/adapter/store"
)

// server is a member of an etcd cluster: the distribution's program on loopback.
type server struct {
	t       *testing.T
	args    []string
	client  string // host:port
	process *exec.Cmd
	output  *transcript
}

// transcript keeps what a server says, for a test that fails.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text.Len() > 1<<20 {
		return len(p), nil
	}
	return l.text.Write(p)
}

func (l *transcript) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	return text[max(0, len(text)-4000):]
}

// lastPort makes each port another one.
var lastPort atomic.Uint32

func init() { lastPort.Store(rand.Uint32N(15000)) }

// freePort is an address at which nobody listens. Its port is below those that the
// kernel gives to whoever asks for any.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", 15000+lastPort.Add(1)%15000)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// cluster starts so many members, with further flags for the first one.
func cluster(t *testing.T, members int, scheme string, flags ...string) []*server {
	t.Helper()
	if _, err := exec.LookPath("etcd"); err != nil {
		if os.Getenv("STEAD_UNPRIVILEGED") == "1" {
			t.Skipf("skipped: %v", err)
		}
		t.Fatalf("%v (scripts/setup.sh test installs it)", err)
	}
	var all []*server
	var peers []string
	for i := range members {
		peer := "http://" + freePort(t)
		client := freePort(t)
		peers = append(peers, fmt.Sprintf("m%d=%s", i, peer))
		all = append(all, &server{t: t, client: client, args: append([]string{
			"--name", fmt.Sprint("m", i), "--data-dir", t.TempDir(), "--log-level", "warn",
			"--listen-client-urls", scheme + "://" + client, "--advertise-client-urls", scheme + "://" + client,
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
			"--heartbeat-interval", "100", "--election-timeout", "1000",
		}, flags...)})
	}
	for _, s := range all {
		s.args = append(s.args, "--initial-cluster", strings.Join(peers, ","))
		s.start()
	}
	return all
}

func (s *server) start() {
	s.t.Helper()
	s.output = &transcript{}
	s.process = exec.Command("etcd", s.args...)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	process := s.process
	s.t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		if s.t.Failed() {
			s.t.Logf("etcd said:\n%s", s.output.tail())
		}
	})
}

func (s *server) stop() {
	s.t.Helper()
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *server) signal(signal os.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	// Threads that run on other processors stop a moment later.
	for end := time.Now().Add(time.Minute); signal == syscall.SIGSTOP && !s.stopped(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("etcd cannot be stopped")
		}
	}
}

// stopped tells whether every thread has been stopped (proc_pid_stat(5)).
func (s *server) stopped() bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.process.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if _, state, _ := strings.Cut(string(text), ") "); err == nil && !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// openURL opens a store; nothing need answer yet.
func openURL(t *testing.T, url string, timeout time.Duration) *Store {
	t.Helper()
	spec, err := store.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(t.Context(), spec, store.Options{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened.(*Store)
}

func url(servers []*server, rest string) string {
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, s.client)
	}
	return "etcd://" + strings.Join(hosts, ",") + "/" + rest
}

// await calls until it succeeds: each call ends with its context.
func await(t *testing.T, what string, call func(context.Context) error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	rest := time.NewTicker(50 * time.Millisecond)
	defer rest.Stop()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := call(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		<-rest.C
	}
}

// answers waits until the store answers.
func answers(t *testing.T, s *Store) {
	t.Helper()
	await(t, "wait for an answer", func(ctx context.Context) error {
		return s.Blob("hello").Write(ctx, nil)
	})
}
