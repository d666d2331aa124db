package etcd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/storetest"
)

func TestStore(t *testing.T) {
	servers := cluster(t, 1, "http")
	answers(t, openURL(t, url(servers, "stead"), 0))
	storetest.Run(t, func(t *testing.T) store.Store { return openURL(t, url(servers, "stead"), 20*time.Second) })
}

func TestMetadata(t *testing.T) {
	if _, err := openURL(t, "etcd://127.0.0.1:1/", 0).Metadata(t.Context(), "a", "b"); !errors.Is(err, store.ErrNoMetadata) {
		t.Error(err)
	}
}

func unknown(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, store.ErrAbsent) || errors.Is(err, store.ErrConflict) {
		t.Errorf("%s: %v; want an error that leaves it open", what, err)
	}
}

// TestServerThatStopsAndComesBack freezes the only member, lets it go on, ends it and
// starts it again.
func TestServerThatStopsAndComesBack(t *testing.T) {
	servers := cluster(t, 1, "http")
	s := openURL(t, url(servers, "stead"), 0)
	answers(t, s)
	r := s.Register("right")
	version, err := r.Swap(t.Context(), "", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	servers[0].signal(syscall.SIGSTOP)
	for name, call := range map[string]func(context.Context) error{
		"read":       func(ctx context.Context) error { _, _, err := r.Read(ctx); return err },
		"swap":       func(ctx context.Context) error { _, err := r.Swap(ctx, "1", []byte("wrong")); return err },
		"read blob":  func(ctx context.Context) error { _, err := s.Blob("b").Read(ctx); return err },
		"write blob": func(ctx context.Context) error { return s.Blob("b").Write(ctx, []byte("x")) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		began := time.Now()
		err := call(ctx)
		cancel()
		unknown(t, name, err)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 20*time.Second {
			t.Errorf("%s: after %v: %v", name, time.Since(began), err)
		}
	}
	servers[0].signal(syscall.SIGCONT)
	await(t, "swap when it goes on", func(ctx context.Context) error {
		version, err = r.Swap(ctx, version, []byte("two"))
		return err
	})
	servers[0].stop()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = r.Swap(ctx, version, []byte("never"))
	unknown(t, "swap without a server", err)
	if ctx.Err() != nil {
		t.Errorf("a swap without a server goes on until its context ends: %v", err)
	}
	servers[0].start()
	answers(t, s)
	if value, again, err := r.Read(t.Context()); err != nil || string(value) != "two" || again != version {
		t.Errorf("read from the server that was started again: %q, version %q, %v; want version %q", value, again, err, version)
	}
}

// TestMemberThatHangs freezes one of three, the one that the store talks to: reads go on at once, swaps after one that
// may have failed.
func TestMemberThatHangs(t *testing.T) {
	servers := cluster(t, 3, "http")
	s := openURL(t, url(servers, "stead"), 3*time.Second)
	answers(t, s)
	r := s.Register("right")
	version, err := r.Swap(t.Context(), "", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	watching := make(chan struct{}, 1)
	go func() {
		ended <- r.(store.Watcher).Watch(t.Context(), func() {
			select {
			case watching <- struct{}{}:
			default:
			}
		})
	}()
	<-watching
	used := s.current
	servers[used].signal(syscall.SIGSTOP)
	defer servers[used].signal(syscall.SIGCONT)
	await(t, "read from another member", func(context.Context) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, again, err := r.Read(ctx)
		if err == nil && again != version {
			t.Errorf("version %q; want %q", again, version)
		}
		return err
	})
	if s.member() == s.members[used] {
		t.Error("the store still talks to the member that hangs")
	}
	if _, err := r.Swap(t.Context(), version, []byte("two")); err != nil {
		t.Errorf("swap at another member: %v", err)
	}
	select {
	case err := <-ended:
		unknown(t, "watch at the member that hangs", err)
	case <-time.After(time.Minute):
		t.Error("the watch at the member that hangs goes on")
	}
}

// TestWithoutMajority leaves one member of two: it must not answer reads.
func TestWithoutMajority(t *testing.T) {
	servers := cluster(t, 2, "http")
	s := openURL(t, url(servers[:1], "stead"), 0)
	answers(t, s)
	version, err := s.Register("right").Swap(t.Context(), "", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	servers[1].stop()
	for what, call := range map[string]func(context.Context) error{
		"read": func(ctx context.Context) error { _, _, err := s.Register("right").Read(ctx); return err },
		"swap": func(ctx context.Context) error {
			_, err := s.Register("right").Swap(ctx, version, []byte("two"))
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		unknown(t, what, call(ctx))
		cancel()
	}
}

func TestTLSAndUser(t *testing.T) {
	pki := newPKI(t)
	servers := cluster(t, 1, "https", "--cert-file", pki.serverCert, "--key-file", pki.serverKey, "--trusted-ca-file", pki.ca, "--client-cert-auth")
	files := "?ca=" + pki.ca + "&cert=" + pki.clientCert + "&key=" + pki.clientKey
	admin := openURL(t, url(servers, "stead"+files), 0)
	answers(t, admin)
	useAuth(t, admin)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openURL(t, url(servers, "stead"+files+"&user=gate&password-file="+password), 0)
	version, err := s.Register("right").Swap(t.Context(), "", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	// Where its role does not reach, it is refused, and that is known for certain to be no conflict.
	outside := openURL(t, url(servers, "elsewhere"+files+"&user=gate&password-file="+password), 0)
	_, err = outside.Register("right").Swap(t.Context(), "", []byte("x"))
	unknown(t, "swap outside of the role", err)
	// A password that was replaced is read again, and a wrong one is refused.
	if err := os.WriteFile(password, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := openURL(t, url(servers, "stead"+files+"&user=gate&password-file="+password), 0)
	_, _, err = wrong.Register("right").Read(t.Context())
	unknown(t, "read with a wrong password", err)
	if err := os.WriteFile(password, []byte("correct horse"), 0o600); err != nil {
		t.Fatal(err)
	}
	if value, again, err := wrong.Register("right").Read(t.Context()); err != nil || string(value) != "one" || again != version {
		t.Errorf("read with the right password: %q, %q, %v", value, again, err)
	}
	// Without a certificate, or without TLS, the server does not talk.
	for _, params := range []string{"?ca=" + pki.ca, "", "?tls=true"} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, _, err := openURL(t, url(servers, "stead"+params), time.Second).Register("right").Read(ctx)
		cancel()
		unknown(t, "read with "+params, err)
	}
}

// useAuth makes users, one of which may use what is below stead/, and has passwords demanded.
func useAuth(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{s.members[0].endpoint}, TLS: s.tls, Logger: zap.NewNop(), Context: ctx})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, step := range []func() error{
		func() error { _, err := client.RoleAdd(ctx, "gate"); return err },
		func() error {
			_, err := client.RoleGrantPermission(ctx, "gate", "stead/", clientv3.GetPrefixRangeEnd("stead/"), clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := client.UserAdd(ctx, "gate", "correct horse"); return err },
		func() error { _, err := client.UserGrantRole(ctx, "gate", "gate"); return err },
		func() error { _, err := client.UserAdd(ctx, "root", "root"); return err },
		func() error { _, err := client.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := client.AuthEnable(ctx); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	world, empty := filepath.Join(dir, "world"), filepath.Join(dir, "empty")
	for path, content := range map[string]string{world: "secret", empty: ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(world, 0o644); err != nil {
		t.Fatal(err)
	}
	for params, want := range map[string]string{
		"user=a&password-file=" + world:         "lets others use it",
		"user=a&password-file=" + dir + "/none": "does not exist",
		"user=a&password-file=" + empty:         "holds 0 bytes",
		"ca=" + dir + "/none":                   "no such file",
		"ca=" + world:                           "holds no certificate",
		"cert=" + dir + "/c&key=" + world:       "no such file",
	} {
		spec, err := store.Parse("etcd://127.0.0.1/p?" + params)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), spec, store.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", params, err, want)
		}
	}
}
