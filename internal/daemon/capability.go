package daemon

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/sched"
)

// checkPermissions refuses to start where the daemon could not do what it is for,
// before anything has been touched. What it can do without is said elsewhere.
func (d *Daemon) checkPermissions() error {
	var needs []capability
	if holdsAny(d.cfg) || len(d.cfg.Overlays) > 0 {
		needs = append(needs, capability{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"})
	}
	if holdsAny(d.cfg) {
		needs = append(needs, capability{unix.CAP_NET_RAW, "CAP_NET_RAW"})
	}
	missing, err := lacking(needs)
	if err != nil {
		return fmt.Errorf("capabilities of this process: %w", err)
	}
	if len(missing) > 0 {
		return fmt.Errorf("addresses and overlays cannot be changed by this process: needs %s: run it as root, or give it the capability", strings.Join(missing, " and "))
	}
	if d.cfg.Realtime.Mode != "required" {
		return nil
	}
	// The thread that tries ends with its goroutine.
	tried := make(chan error)
	go func() { tried <- sched.Own(d.cfg.Realtime.Priority) }()
	if err := <-tried; err != nil {
		return fmt.Errorf("realtime.mode is required: %w", err)
	}
	return nil
}

// capability is a bit in the effective set (capabilities(7)).
type capability struct {
	bit  uint
	name string
}

// lacking returns the names of those that this process does not have.
func lacking(needs []capability) ([]string, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return nil, err
	}
	var missing []string
	for _, c := range needs {
		if data[c.bit/32].Effective&(1<<(c.bit%32)) == 0 {
			missing = append(missing, c.name)
		}
	}
	return missing, nil
}
