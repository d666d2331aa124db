package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/engine"
	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// serving runs a daemon that serves an address on lan0 of a namespace, alone.
func serving(t *testing.T) (ns *testns.NS, d *Daemon, ended chan error) {
	t.Helper()
	ns, d, ended = running(t, "n0", `groups:
  web:
    members: { n0: 200, n1: 100 }
    election: { type: peer, interval: 20ms, multiplier: 5, quorum: false }
    addresses: [ { address: 192.0.2.200/24, interface: lan0 } ]
`)
	testns.Eventually(t, patience, "the address is served", func() bool {
		view := <-d.engine.Inspect()
		return view.Groups[0].Open && has(t, ns)
	})
	return ns, d, ended
}

// running runs the daemon of a node in a namespace of its own.
func running(t *testing.T, node, groups string) (ns *testns.NS, d *Daemon, ended chan error) {
	t.Helper()
	testns.Privileged(t)
	ns = testns.New(t)
	testns.Veth(t, ns, "lan0", ns, "lan1")
	ns.Addr(t, "lan0", "192.0.2.10/24")
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "stead.yaml")
	text := fmt.Sprintf(`nodes: { n0: { address: 192.0.2.10 }, n1: { address: 192.0.2.20 }, n2: { address: 192.0.2.30 } }
security: { key_file: %s }
realtime: { mode: "off" }
fence: kernel
control: { socket: %s }
state: { dir: %s }
http: { listen: 127.0.0.1:9177 }
%s`, key, filepath.Join(dir, "sock"), dir, groups)
	for name, content := range map[string]string{key: strings.Repeat("0123456789abcdef", 2), file: text} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(file)
	if err == nil {
		_, err = config.Resolve(cfg, node, "", nil)
	}
	if err == nil {
		err = config.LoadKeys(cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
	var front Front
	ns.Do(func() {
		if front, err = OpenFront(cfg); err == nil {
			d, err = New(cfg, file, node, slog.New(slog.DiscardHandler))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended = make(chan error, 1)
	stopped := make(chan struct{})
	go func() { defer close(stopped); ended <- d.Run(ctx, front) }()
	t.Cleanup(func() { cancel(); <-stopped })
	return ns, d, ended
}

func has(t *testing.T, ns *testns.NS) bool {
	t.Helper()
	return strings.Contains(ns.Run(t, "ip", "-o", "address", "show", "dev", "lan0"), " 192.0.2.200/")
}

// Whatever panics, the daemon ends by way of a release, with an error that says
// where it was.
func TestPanicReleases(t *testing.T) {
	for name, cause := range map[string]struct {
		panic func(*Daemon)
		where string
	}{
		"the engine": {func(d *Daemon) { d.engine.Between(func(core.Instant) { panic("not today") }) }, "not today"},
		"the teller": {func(d *Daemon) {
			d.engine.Between(func(core.Instant) { d.tellAll(engine.Told{Persist: &core.Persist{Group: 99}}) })
		}, "tell"},
		"a background task": {func(d *Daemon) {
			go func() {
				defer d.survive()
				var none *Daemon
				none.refresh()
			}()
		}, "refresh"},
	} {
		t.Run(name, func(t *testing.T) {
			ns, d, ended := serving(t)
			cause.panic(d)
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(err.Error(), "panicked") || !strings.Contains(err.Error(), cause.where) {
					t.Errorf("%v", err)
				}
			case <-time.After(patience):
				t.Fatal("the daemon has not ended")
			}
			if has(t, ns) {
				t.Error("the address is left behind")
			}
		})
	}
}
