package lab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// HostSpec names a host and its address in the network.
type HostSpec struct {
	Name    string // up to 10 letters: the interface towards it is called to-NAME
	Address netip.Addr
}

// underlay is the name of the interface of every host.
const underlay = "eth1"

// Host is a machine of a World: a network and a mount namespace, with one
// interface, eth1, and a /run/stead of its own.
type Host struct {
	HostSpec

	work chan func()
	done chan struct{}
	net  *netlink.Handle
	fd   int // of the network namespace
}

// newHost makes the namespaces. A thread lives in them as long as the host does,
// and what Do is given runs on it: neither network nor mount namespaces can be
// entered by a whole Go program.
func newHost(spec HostSpec) (*Host, error) {
	h := &Host{HostSpec: spec, work: make(chan func()), done: make(chan struct{})}
	ready := make(chan error)
	onThread(func() { h.live(ready) })
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("host %s: %w", spec.Name, err)
	}
	return h, nil
}

// onThread runs f on a thread of its own that ends with f, and with it the
// namespaces it has entered. It is never the first thread of the process: that
// one does not end, and its namespaces are those that others see as the process's.
func onThread(f func()) {
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			close(started)
			f()
			return
		}
		onThread(f) // this goroutine keeps the first thread meanwhile
		runtime.UnlockOSThread()
		close(started)
	}()
	<-started
}

func (h *Host) live(ready chan<- error) {
	defer close(h.done)
	if err := h.unshare(); err != nil {
		ready <- err
		return
	}
	ready <- nil
	for f := range h.work {
		f()
	}
	h.net.Close()
	_ = unix.Close(h.fd)
}

func (h *Host) unshare() error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make its namespaces: %w", err)
	}
	if err := mountTmpfs(HostDir); err != nil {
		return err
	}
	// What one host pins must not be found by another. Where eBPF is not
	// permitted this is refused too, and nothing is pinned.
	_ = unix.Mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=700")
	var err error
	if h.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open its network namespace: %w", err)
	}
	if h.net, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	lo, err := h.net.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo: %w", err)
	}
	if err := h.net.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}

// Do runs f on the host's thread and waits for it. What f opens or starts
// belongs to the host; goroutines that it starts do not run on the host.
func (h *Host) Do(f func()) {
	done := make(chan struct{})
	h.work <- func() { defer close(done); f() }
	<-done
}

// Net is netlink in the host's network namespace. It may be used from any goroutine.
func (h *Host) Net() *netlink.Handle { return h.net }

// Command is a program that Start will run on the host, in a process group of
// its own.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// Start starts a command on the host. Wait may be called from any goroutine.
func (h *Host) Start(cmd *exec.Cmd) (err error) {
	h.Do(func() { err = cmd.Start() })
	if err != nil {
		return fmt.Errorf("on %s: %w", h.Name, err)
	}
	return nil
}

// Sysctl sets a setting of the host, such as "net/ipv4/ip_forward".
func (h *Host) Sysctl(name, value string) (err error) {
	h.Do(func() { err = sysctl(name, value) })
	return err
}

// sysctl sets a setting of the calling thread's network namespace.
func sysctl(name, value string) error {
	if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
		return fmt.Errorf("set %s to %s: %w", name, value, err)
	}
	return nil
}

// close ends the host's thread. Processes that run on the host keep its
// namespaces alive: end them before.
func (h *Host) close() {
	close(h.work)
	<-h.done
}
