package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"stead/internal/core/reason"
	"stead/internal/report"
	"stead/internal/report/reporttest"
)

// childSocket makes this test program a client: what it got is its output.
const childSocket = "STEAD_TEST_CLIENT_OF"

func TestMain(m *testing.M) {
	if socket := os.Getenv(childSocket); socket != "" {
		child(socket)
		return
	}
	goleak.VerifyTestMain(m)
}

func child(socket string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := NewClient(socket)
	s, err := c.Status(ctx)
	fmt.Printf("read: %s %v\n", s.Node, err)
	r, err := c.Do(ctx, report.Command{Verb: report.Drain})
	fmt.Printf("write: %v %v\n", r.OK, err)
}

// serve runs a server on a socket that every user can reach.
func serve(t *testing.T, d *reporttest.Daemon, users ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stead-api")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "sub", "stead.sock")
	listener, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	writers, err := NewWriters(users)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&Server{Daemon: d, Log: d.Log, Writers: writers}).Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is left behind: %v", err)
		}
	})
	return socket
}

func client(t *testing.T, socket string) *Client {
	c := NewClient(socket)
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

func TestStatusAndCommands(t *testing.T) {
	d := reporttest.New()
	c := client(t, serve(t, d))
	got, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reporttest.Trial(), got); diff != "" {
		t.Errorf("status changed on its way: %s", diff)
	}
	result, err := c.Do(t.Context(), report.Command{Verb: report.Switchover, Group: "web", To: "secondary"})
	if diff := cmp.Diff(report.Result{OK: true, Group: "web", To: "secondary", Epoch: 8}, result); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if changed, err := c.Reload(t.Context()); err != nil || changed != d.Changed {
		t.Errorf("reload: %q, %v", changed, err)
	}
	x, err := c.Explain(t.Context(), "web")
	if err != nil || len(x) != 1 || x[0].Epoch != 7 {
		t.Errorf("explain: %+v, %v", x, err)
	}
}

// A daemon without groups has a list of none: scripts go through it.
func TestEmptyLists(t *testing.T) {
	d := reporttest.New()
	d.Set(func(s *report.Status) { *s = report.Status{Node: "primary"} })
	s, err := client(t, serve(t, d)).Status(t.Context())
	if err != nil || s.Groups == nil || s.Peers == nil || s.Overlays == nil {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name    string
		command report.Command
		set     func(*reporttest.Daemon)
		status  int
		want    string
	}{
		{"nobody ready", report.Command{Verb: report.Switchover, Group: "web"}, func(d *reporttest.Daemon) { d.Refuse = reason.NoSuccessor }, 409, "switchover refused: nobody else is ready to take over (no-successor): `stead status` shows who is ready and who is not"},
		{"no group named", report.Command{Verb: report.Switchover}, nil, 400, "switchover: no group was named: name the group that is to move"},
		{"unknown group", report.Command{Verb: report.Drain, Group: "wbe"}, nil, 404, `drain: no group "wbe": the groups are: web`},
		{"unknown node", report.Command{Verb: report.Switchover, Group: "web", To: "client"}, nil, 404, `switchover: node "client" is no member of group "web": the members are: primary, secondary`},
		{"unknown verb", report.Command{Verb: "explode"}, nil, 404, "POST /v1/explode: no such request: see docs/reference/http.md for the requests of this socket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := reporttest.New()
			if tt.set != nil {
				tt.set(d)
			}
			_, err := client(t, serve(t, d)).Do(t.Context(), tt.command)
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Status != tt.status || err.Error() != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("reload of a bad file", func(t *testing.T) {
		d := reporttest.New()
		d.Changed = ""
		_, err := client(t, serve(t, d)).Reload(t.Context())
		if want := "reload: stead.yaml:14:5: group \"web\": priority 300 is not in 1 to 254: nothing was changed; `stead check FILE` shows every mistake"; err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	})
}

// The kernel says who asks: another user may read, but not write, until it is named.
func TestPeerCredentials(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("STEAD_UNPRIVILEGED") != "" {
			t.Skip("needs CAP_SETUID to become another user")
		}
		t.Fatal("needs CAP_SETUID to become another user: run as root, or set STEAD_UNPRIVILEGED=1 to leave this out")
	}
	const somebody, nobody = 4242, 65534
	tests := []struct {
		name  string
		uid   uint32
		users []string
		write string
	}{
		{"root", 0, nil, "write: true <nil>"},
		{"nobody", nobody, nil, "write: false user 65534 may read but not change anything: run it as root, or add the user to control.users in the configuration"},
		{"somebody", somebody, nil, "write: false user 4242 may read but not change anything: run it as root, or add the user to control.users in the configuration"},
		{"somebody who is named", somebody, []string{"4242"}, "write: true <nil>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			socket := serve(t, reporttest.New(), tt.users...)
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
			cmd.Dir = "/"
			cmd.Env = []string{childSocket + "=" + socket, "GORACE=atexit_sleep_ms=0"}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.uid, Gid: tt.uid}}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if diff := cmp.Diff("read: primary <nil>\n"+tt.write+"\n", string(out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWriters(t *testing.T) {
	tests := []struct{ user, want string }{
		{"root", ""},
		{"4242", ""},
		{"no-such-user", `control.users: no user "no-such-user" on this machine: create it, or give its number`},
		{"65534", `control.users: "65534" stands for every unknown user: name another one`},
	}
	for _, tt := range tests {
		_, err := NewWriters([]string{tt.user})
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s: got %v, want %q", tt.user, err, tt.want)
		}
	}
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	t.Run("a stale socket is replaced", func(t *testing.T) {
		path := filepath.Join(dir, "stale.sock")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a live one is refused and stays", func(t *testing.T) {
		path := filepath.Join(dir, "live.sock")
		l, err := Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, err = Listen(path)
		if want := "control socket: another stead answers on " + path + ": stop it, or set another path in control.socket"; err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
		if conn, err := net.Dial("unix", path); err != nil {
			t.Errorf("the first one does not answer any more: %v", err)
		} else if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("a file is not touched", func(t *testing.T) {
		path := filepath.Join(dir, "precious")
		if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "is no socket") {
			t.Errorf("got %v", err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "data" {
			t.Errorf("the file has changed: %q, %v", data, err)
		}
	})
}

func TestUnreachable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.sock")
	_, err := NewClient(path).Status(t.Context())
	var unreachable *UnreachableError
	want := "control socket " + path + ": connect: no such file or directory: is stead running? start it, or name its socket with --socket or -c"
	if !errors.As(err, &unreachable) || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// A daemon whose engine hangs says so in bounded time.
func TestEngineThatHangs(t *testing.T) {
	d := reporttest.New()
	d.Hang = true
	_, err := client(t, serve(t, d)).Status(t.Context())
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestFollowEvents(t *testing.T) {
	d := reporttest.New()
	c := client(t, serve(t, d))
	old := d.Log.Last(0)
	newest := old[len(old)-1].Seq
	enough := errors.New("enough")
	var got []uint64
	err := c.Events(t.Context(), newest-1, true, func(e report.Event) error {
		got = append(got, e.Seq)
		if len(got) == 3 {
			return enough
		}
		d.Log.Append(report.Event{Kind: report.Ready})
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
	if diff := cmp.Diff([]uint64{newest, newest + 1, newest + 2}, got); diff != "" {
		t.Error(diff)
	}
	got = nil
	if err := c.Events(t.Context(), 0, false, func(e report.Event) error { got = append(got, e.Seq); return nil }); err != nil || len(got) != len(d.Log.Last(0)) {
		t.Errorf("%d events, %v", len(got), err)
	}
}

// Clients that connect and read nothing, as many as are let in, hold nobody up:
// events are appended and who may write gets an answer.
func TestSlowClientsBlockNobody(t *testing.T) {
	d := reporttest.New()
	socket := serve(t, d)
	for range 2 * guests {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /v1/events?follow=1 HTTP/1.1\r\nHost: stead\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	detail := strings.Repeat("x", 1000)
	for range 2000 {
		d.Log.Append(report.Event{Kind: report.Ready, Detail: detail})
	}
	if _, err := client(t, socket).Status(t.Context()); err != nil {
		t.Error(err)
	}
}

// Those who may only read cannot use up the daemon's connections.
func TestGuestsAreLimited(t *testing.T) {
	listener, err := Listen(filepath.Join(t.TempDir(), "stead.sock"))
	if err != nil {
		t.Fatal(err)
	}
	nobodyWrites := &gate{Listener: listener}
	defer nobodyWrites.Close()
	dial := func() net.Conn {
		conn, err := net.Dial("unix", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	var inside []net.Conn
	for range guests {
		dial()
		conn, err := nobodyWrites.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		inside = append(inside, conn)
	}
	turnedAway := dial()
	next := make(chan net.Conn)
	go func() {
		conn, _ := nobodyWrites.Accept()
		next <- conn
	}()
	if _, err := turnedAway.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("one guest too many was not turned away: %v", err)
	}
	if err := inside[0].Close(); err != nil {
		t.Error(err)
	}
	dial()
	if conn := <-next; conn == nil {
		t.Error("nobody gets in after one has left")
	} else if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
