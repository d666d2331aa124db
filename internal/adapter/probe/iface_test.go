package probe

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
)

// A network namespace of our own with two ends of one cable:
//
//	a ───── b        a is what is checked
func TestInterfaceInItsStates(t *testing.T) {
	needRoot(t)
	failure := make(chan error)
	go func() {
		// The thread is never unlocked, so it ends with the goroutine, and the
		// namespace with it.
		runtime.LockOSThread()
		failure <- interfaceStates()
	}()
	if err := <-failure; err != nil {
		t.Error(err)
	}
}

func interfaceStates() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w (needs CAP_SYS_ADMIN)", err)
	}
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "a"}, PeerName: "b"}
	if err := netlink.LinkAdd(cable); err != nil {
		return err
	}
	other, err := netlink.LinkByName("b")
	if err != nil {
		return err
	}
	p, err := New(Target{Check: config.Check{Kind: config.CheckInterface, Target: "a", Timeout: generous}})
	if err != nil {
		return err
	}
	defer p.Close()
	var errs []error
	for _, step := range []struct {
		do      func() error
		outcome core.Outcome
		detail  string
	}{
		{func() error { return nil }, core.Failed, "administratively down"},
		{func() error { return netlink.LinkSetUp(cable) }, core.Failed, "no carrier"},
		{func() error { return netlink.LinkSetUp(other) }, core.Passed, ""},
		{func() error { return netlink.LinkSetDown(other) }, core.Failed, "no carrier"},
		{func() error { return netlink.LinkDel(cable) }, core.Failed, "no interface a"},
	} {
		if err := step.do(); err != nil {
			return err
		}
		if r := run(p, generous); r.Outcome != step.outcome || !strings.Contains(r.Detail, step.detail) {
			errs = append(errs, fmt.Errorf("outcome %d, detail %q; want %d, %q", r.Outcome, r.Detail, step.outcome, step.detail))
		}
	}
	return errors.Join(errs...)
}

func FuzzParseLink(f *testing.F) {
	f.Add(make([]byte, 32))
	f.Add(append([]byte{32, 0, 0, 0, 2, 0, 0, 0}, make([]byte, 24)...))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if flags, err := parseLink(answer); err != nil && flags != 0 {
			t.Fatalf("flags %x with error %v", flags, err)
		}
	})
}
