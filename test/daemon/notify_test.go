package daemon

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stead/internal/testns"
)

// The program tells a service manager what Type=notify-reload and WatchdogSec ask
// for.
func TestServiceManager(t *testing.T) {
	tr := newTrial(t, conf{})
	name := filepath.Join(tr.dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	hears := func(what string) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for buf := make([]byte, 4096); ; {
			n, err := manager.Read(buf)
			if err != nil {
				t.Fatalf("no %s: %v", what, err)
			}
			if strings.HasPrefix(string(buf[:n]), what) {
				return
			}
		}
	}
	h := tr.primary
	cmd := exec.Command(testns.Stead(), "run", "-c", h.file(t), "--node", h.name)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=1000000")
	h.begin(t, cmd)
	hears("READY=1\nSTATUS=")
	h.do(t, "status") // who is told that it is ready can ask it
	hears("WATCHDOG=1")
	h.signal(t, syscall.SIGHUP, false)
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("READY=1\nSTATUS=")
	h.do(t, "reload")
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("READY=1\nSTATUS=")
	h.signal(t, syscall.SIGTERM, false)
	hears("STOPPING=1\nSTATUS=")
	if code := h.ends(t, stopWithin); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
