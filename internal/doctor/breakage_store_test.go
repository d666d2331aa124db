package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/store"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/gate"
)

const storesConfig = `nodes:
  primary: { address: 10.0.1.10 }
  secondary: { address: 10.0.1.20 }
  client: { address: 10.0.1.4, role: witness }
security: { key_file: /etc/stead/key }
stores:
  share: { url: "folder:/mnt/share/stead", timeout: 1s }
  keys: { url: "etcd://h1:2379/stead?ca=/etc/ca.pem&cert=/etc/cert.pem&key=/etc/key.pem" }
groups:
  web:
    members: { primary: 200, secondary: 100 }
    election: { type: lease, store: keys, ttl: 6s, renew: 1s }
    addresses:
      - { address: 192.168.0.200/24, interface: vxlan0 }
      - { address: "fd68::c8/64", interface: vxlan0 }
    checks: { queue: { progress: "store:share/queue/checkpoint" } }
gate:
  site: { primary: east, secondary: west }
  store: share
  exec: [/usr/bin/check-app]
  user: app
`

const shareMounted = "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n40 21 0:50 / /mnt/share rw,relatime shared:9 - nfs4 server:/export rw,vers=4.2\n"

// withStores gives the host a lease, a gate and their stores, and then the change.
func withStores(change func(*world)) func(*world) {
	return func(w *world) {
		cfg, err := config.Parse("stead.yaml", []byte(storesConfig))
		if err != nil {
			panic(err)
		}
		cfg.Self, cfg.Warnings = "primary", nil
		cfg.Overlays = w.Config.Overlays
		w.Config = cfg
		w.files["/proc/42/mountinfo"] = shareMounted
		for _, name := range []string{"/etc/ca.pem", "/etc/cert.pem", "/etc/key.pem"} {
			w.files[name] = ""
		}
		w.modes["/etc/key.pem"] = 0o600
		change(w)
	}
}

func tried(name string, did StoreTrial, err error) func(*world) {
	return withStores(func(w *world) {
		usual := w.Store
		w.Store = func(ctx context.Context, s *config.Store, write bool) (StoreTrial, error) {
			if s.Name == name {
				return did, err
			}
			return usual(ctx, s, write)
		}
	})
}

func beating(east, west gate.Sample) func(*world) {
	return withStores(func(w *world) {
		w.Beats = func(context.Context, *config.Store, []string) (map[string]gate.Sample, error) {
			return map[string]gate.Sample{"east": east, "west": west}, nil
		}
	})
}

var (
	alive = gate.Sample{Sight: gate.Beaten, Mark: "7f/3", Epoch: 4, At: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	quick = StoreTrial{Read: 3 * time.Millisecond, Swap: 5 * time.Millisecond}
)

var onStores = []breakage{
	{"stores", withStores(func(*world) {}), nil},
	{"a store that cannot be reached", tried("keys", StoreTrial{}, errors.New("dial h1:2379: connection refused")), []string{"fatal store-unreachable"}},
	{"a store that cannot be written", tried("keys", StoreTrial{Read: time.Millisecond, Unwritable: errors.New("permission denied")}, nil), []string{"fatal store-not-writable"}},
	{"a store that takes what is late", tried("share", StoreTrial{Unguarded: true}, nil), []string{"fatal store-no-compare-and-swap"}},
	{"a store that is slow for a lease", tried("keys", StoreTrial{Read: time.Millisecond, Swap: 600 * time.Millisecond}, nil), []string{"warning store-slow"}},
	{"a store that is slow for its timeout", tried("share", StoreTrial{Read: 700 * time.Millisecond}, nil), []string{"warning store-slow"}},
	{"an ordinary user, who may not open the store", func(w *world) {
		tried("keys", StoreTrial{}, fmt.Errorf("open: %w", fs.ErrPermission))(w)
		w.files["/proc/self/status"] = "Name:\tstead\nUid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n"
	}, []string{"hint not-checked", "hint not-checked"}},
	{"a folder on the host's own disk", withStores(func(w *world) {
		w.files["/proc/42/mountinfo"] = strings.SplitAfter(shareMounted, "\n")[0]
	}), []string{"warning store-folder-local"}},
	{"mounts that cannot be read", withStores(func(w *world) { delete(w.files, "/proc/42/mountinfo") }), []string{"hint not-checked"}},
	{"a key that everybody can read", withStores(func(w *world) { w.modes["/etc/key.pem"] = 0o644 }), []string{"fatal store-secret-readable"}},
	{"another site that never beat", beating(alive, gate.Sample{Sight: gate.Nothing}), []string{"hint gate-other-heartbeat-missing"}},
	{"a site that does not beat", beating(gate.Sample{Sight: gate.Nothing}, alive), []string{"warning gate-own-heartbeat-missing"}},
	{"a heartbeat that is none", beating(alive, gate.Sample{Sight: gate.Garbled, Detail: "it is empty"}), []string{"warning gate-heartbeat-unreadable"}},
	{"heartbeats that cannot be read", withStores(func(w *world) {
		w.Beats = func(context.Context, *config.Store, []string) (map[string]gate.Sample, error) {
			return nil, context.DeadlineExceeded
		}
	}), []string{"hint not-checked"}},
	{"a workload that is not there", withStores(func(w *world) { w.Config.Gate.Command = []string{"/usr/bin/consumer"} }), []string{"warning program-missing"}},
}

// folderStore is a store in a directory.
func folderStore(t *testing.T) *config.Store {
	t.Helper()
	return &config.Store{Name: "share", URL: "folder:" + t.TempDir(), Timeout: 5 * time.Second}
}

// TestTryStore: a folder of this host works, again and again, and what cannot be
// written is told.
func TestTryStore(t *testing.T) {
	s := folderStore(t)
	tick := core.Instant(0)
	now := func() core.Instant { tick += core.Instant(time.Millisecond); return tick }
	for range 3 {
		did, err := tryStore(t.Context(), now, s, "primary", true)
		if err != nil || did.Unwritable != nil || did.Unguarded || did.Read != time.Millisecond || did.Swap != time.Millisecond {
			t.Fatalf("%+v, %v", did, err)
		}
	}
	if did, err := tryStore(t.Context(), now, s, "other", false); err != nil || did.Swap != 0 {
		t.Errorf("only read: %+v, %v", did, err)
	}
	s.URL += "/nowhere/at/all"
	if did, err := tryStore(t.Context(), now, s, "primary", true); err == nil && did.Unwritable == nil {
		t.Errorf("a folder that is not there: %+v", did)
	}
	if _, err := tryStore(t.Context(), now, &config.Store{URL: "nothing"}, "primary", true); err == nil {
		t.Error("no URL is opened")
	}
}

// forgetful is a register that takes any version.
type forgetful struct{ value []byte }

func (f *forgetful) Read(context.Context) ([]byte, string, error) { return f.value, "v", nil }
func (f *forgetful) Swap(_ context.Context, _ string, value []byte) (string, error) {
	f.value = value
	return "v", nil
}

// TestStoreThatForgets: what has no compare and swap is found out.
func TestStoreThatForgets(t *testing.T) {
	var did StoreTrial
	reg := &forgetful{}
	probe := trial{now: func() core.Instant { return 0 }, store: &config.Store{Timeout: time.Second}, reg: reg}
	if err := probe.run(t.Context(), &did, true); err != nil || !did.Unguarded {
		t.Errorf("%+v, %v", did, err)
	}
}

// raced is a register that somebody else writes to first.
type raced struct {
	forgetful
	times int
}

func (r *raced) Swap(ctx context.Context, version string, value []byte) (string, error) {
	if r.times++; r.times == 1 || r.times == 4 {
		return "", store.ErrConflict
	}
	return r.forgetful.Swap(ctx, version, value)
}

// TestTwoDoctors: one that comes at the same moment does not make the store a bad one.
func TestTwoDoctors(t *testing.T) {
	var did StoreTrial
	probe := trial{now: func() core.Instant { return 0 }, store: &config.Store{Timeout: time.Second}, reg: &raced{}}
	if err := probe.run(t.Context(), &did, true); err != nil || did.Unguarded || did.Unwritable != nil {
		t.Errorf("%+v, %v", did, err)
	}
}

// TestReadBeats: of this program's and of the original's heartbeats, and what is none.
func TestReadBeats(t *testing.T) {
	s := folderStore(t)
	dir := strings.TrimPrefix(s.URL, "folder:")
	h := gate.Heartbeat{Site: "east", Session: 7, Sequence: 3, Epoch: 2}
	for site, text := range map[string][]byte{"east": h.Append(nil), "west": []byte("638000000000000000"), "south": []byte("hello")} {
		if err := os.MkdirAll(filepath.Join(dir, site), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, site, "heartbeat.txt"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen, err := readBeats(t.Context(), s, []string{"east", "west", "south", "north"})
	if err != nil {
		t.Fatal(err)
	}
	for site, want := range map[string]gate.Sight{"east": gate.Beaten, "west": gate.Beaten, "south": gate.Garbled, "north": gate.Nothing} {
		if seen[site].Sight != want {
			t.Errorf("%s: %+v", site, seen[site])
		}
	}
	if seen["east"].Epoch != 2 {
		t.Errorf("%+v", seen["east"])
	}
}

func TestMountOf(t *testing.T) {
	w := healthy(t)
	w.files["/proc/42/mountinfo"] = shareMounted +
		"41 40 0:51 / /mnt/share/a\\040b rw - cifs //host/share rw\n42 21 0:52 / /mnt/sh rw - tmpfs tmpfs rw\n43 21 0:53 / /mnt/sh rw - fuse.rclone remote: rw\nnonsense\n"
	for path, want := range map[string]string{"/mnt/share": "nfs4", "/mnt/share/x/y": "nfs4", "/mnt/share/a b/c": "cifs", "/mnt/sh/x": "fuse.rclone", "/mnt/shared": "ext4", "/": "ext4"} {
		m, err := w.mountOf(path)
		if err != nil || m.kind != want || m.shared() != (want != "ext4") {
			t.Errorf("%s: %+v, %v", path, m, err)
		}
	}
	if err := w.files["/proc/42/mountinfo"]; err == "" {
		t.Fatal("no table")
	}
	w.files["/proc/42/mountinfo"] = ""
	if m, err := w.mountOf("/x"); err == nil {
		t.Errorf("an empty table: %+v", m)
	}
	w.ReadFile = func(string) ([]byte, error) { return nil, unix.EACCES }
	if _, err := w.mountOf("/x"); !errors.Is(err, unix.EACCES) {
		t.Errorf("%v", err)
	}
}
