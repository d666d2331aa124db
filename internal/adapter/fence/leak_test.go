package fence

import (
	"testing"

	"go.uber.org/goleak"

	"stead/internal/config"
	"stead/internal/testns"
)

// A fence that is closed leaves no goroutine behind.
func TestCloseEndsEverything(t *testing.T) {
	host := testns.New(t)
	testns.Veth(t, host, "eth0", host, "eth1")
	before := goleak.IgnoreCurrent()
	for _, mode := range []config.FenceMode{config.FenceKernel, config.FenceGuard} {
		var f Fence
		var err error
		host.Do(func() { f, err = Open(mode, Options{}) })
		if err != nil {
			testns.Lacking(t, "CAP_BPF and CAP_NET_ADMIN", err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if kind := f.Status().Kind; kind != string(mode) {
			t.Errorf("status after Close: kind %q", kind)
		}
		if err := goleak.Find(before); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}
