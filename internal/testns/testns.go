// Package testns gives tests a network of their own: namespaces, cables (veth
// pairs) and bridges, in which a test may do to addresses, links and neighbours
// whatever it likes without touching the machine.
//
// Only tests import it. A namespace has no name and no file: it lives as long as
// the test holds it open, so that a test that is killed leaves nothing behind.
//
//	func TestMain(m *testing.M) { testns.Main(m) }
//
//	func TestX(t *testing.T) {
//		// a eth0 ─── eth0 b
//		a, b := testns.New(t), testns.New(t)
//		testns.Veth(t, a, "eth0", b, "eth0")
//		a.Run(t, "ip", "addr", "add", "10.0.0.1/24", "dev", "eth0")
//		a.Do(func() { ... sockets opened here belong to a ... })
//	}
//
// A test that lacks the privilege fails. With STEAD_UNPRIVILEGED=1 in the
// environment it is skipped instead, with a line that says what is missing.
package testns

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// NS is a network namespace.
type NS struct {
	handle netns.NsHandle
	link   *netlink.Handle
}

// inUserNS marks the child that Main starts, so that it is started once.
const inUserNS = "STEAD_TESTNS_CHILD"

// Main runs the tests of a package. Without root it runs them again in a user
// namespace in which they are root, where the kernel allows that.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a package that has to clean up: it returns the exit code.
func Run(m *testing.M) int {
	if os.Getenv(inUserNS) != "" {
		if lo, err := netlink.LinkByName("lo"); err == nil {
			_ = netlink.LinkSetUp(lo) // as on the machine; a test that needs it says so
		}
		return m.Run()
	}
	if os.Geteuid() == 0 {
		return m.Run()
	}
	child := exec.Command("/proc/self/exe", os.Args[1:]...)
	child.Env = append(os.Environ(), inUserNS+"=1")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := child.Start(); err != nil {
		return m.Run()
	}
	_ = child.Wait()
	if code := child.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	return 1
}

// Lacking ends a test that cannot run here: it fails, or, with
// STEAD_UNPRIVILEGED=1 in the environment, is skipped. missing names the
// capability or kernel feature.
func Lacking(t testing.TB, missing string, err error) {
	t.Helper()
	if os.Getenv("STEAD_UNPRIVILEGED") == "1" {
		t.Skipf("skipped: needs %s: %v", missing, err)
	}
	t.Fatalf("needs %s: %v (run it as root, or set STEAD_UNPRIVILEGED=1 to skip it)", missing, err)
}

// Privileged ends a test that needs what root in a user namespace has not: eBPF,
// real-time priority, other users.
func Privileged(t testing.TB) {
	t.Helper()
	if os.Getenv(inUserNS) != "" || os.Geteuid() != 0 {
		Lacking(t, "root outside of a user namespace", os.ErrPermission)
	}
}

// New makes a namespace with its loopback up. It goes away with the test.
func New(t testing.TB) *NS {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatalf("current network namespace: %v", err)
	}
	defer home.Close()
	handle, err := netns.New()
	if err != nil {
		Lacking(t, "CAP_SYS_ADMIN to make a network namespace", err)
	}
	if err := netns.Set(home); err != nil {
		// The goroutine would go on in a strange namespace.
		panic("back to the first network namespace: " + err.Error())
	}
	t.Cleanup(func() { _ = handle.Close() })

	ns := &NS{handle: handle}
	ns.link, err = netlink.NewHandleAt(handle)
	if err != nil {
		t.Fatalf("netlink in the namespace: %v", err)
	}
	t.Cleanup(ns.link.Close)
	ns.Up(t, "lo")
	return ns
}

// Do runs f on a thread that is in the namespace. Sockets that f opens and
// programs that it starts belong to the namespace; goroutines that it starts do not.
// f may call t.Fatal.
func (ns *NS) Do(f func()) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		panic("current network namespace: " + err.Error())
	}
	defer home.Close()
	if err := netns.Set(ns.handle); err != nil {
		panic("enter the network namespace: " + err.Error())
	}
	defer func() {
		// A thread that cannot go home stays locked and ends with its goroutine.
		if netns.Set(home) == nil {
			runtime.UnlockOSThread()
		}
	}()
	f()
}

// FD returns the open file of the namespace, for a caller who moves something into it.
func (ns *NS) FD() int { return int(ns.handle) }

// Netlink returns a netlink handle in the namespace.
func (ns *NS) Netlink() *netlink.Handle { return ns.link }
