package bgp

import (
	"context"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/bgp"
	"stead/internal/testns"
)

// Without the right to a port below 1024 the daemon says so and dials all the same.
func TestNoCapability(t *testing.T) {
	na, nb := cable(t)
	l := listen(t, nb, "192.0.2.2:179")
	h := &host{sent: map[bgp.Conn]int{}}
	var err error
	na.Do(func() {
		h.Set, err = Open(Options{Peers: []Peer{at("192.0.2.2:179")}, Listen: 179, Post: h.take})
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and never unlocked: the thread ends without what it has lost
		if err := dropCapability(unix.CAP_NET_BIND_SERVICE); err != nil {
			t.Error(err)
		}
		h.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended; h.Close() })
	const problem = "listen on TCP port 179 of IPv4: permission denied (needs CAP_NET_BIND_SERVICE)"
	testns.Eventually(t, patience, problem, func() bool { return h.Listening() == problem })
	h.dials(0, 1)
	accept(t, l)
	h.next(t, core.StreamOpened)
}

// dropCapability takes a capability from the calling thread.
func dropCapability(which uint) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[which/32].Effective &^= 1 << (which % 32)
	return unix.Capset(&header, &data[0])
}
