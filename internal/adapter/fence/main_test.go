package fence

import (
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/testns"
)

// TestMain is also the body of the processes that tests start.
func TestMain(m *testing.M) {
	body := map[string]func() error{
		"guard":  func() error { return RunGuard(bootTime) },
		"holder": func() error { return hold(os.Args[2:]) },
		"auto":   openAuto,
	}
	if len(os.Args) > 1 && body[os.Args[1]] != nil {
		if err := body[os.Args[1]](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testns.Main(m)
}

// bootTime is the clock of the fence.
func bootTime() core.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err)
	}
	return core.Instant(ts.Nano())
}

// in is the moment so long from now.
func in(d time.Duration) core.Instant { return bootTime().Add(d) }

// open moves both deadlines of a slot so far ahead that no test sees them pass.
func open(slot int) core.FenceSlot {
	return core.FenceSlot{Slot: slot, Answer: in(time.Hour), Serve: in(time.Hour)}
}

// openAuto opens a fence and prints which, and why.
func openAuto() error {
	f, err := Open(config.FenceAuto, Options{})
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", f.Kind(), f.Status().Reason)
	return f.Close()
}
