package config

import (
	"time"

	"stead/internal/core/gate"
)

// The defaults: what holds where the file says nothing. The reference states
// them from the table of keys, which takes them from here.
const (
	defaultHeartbeatPort    = 9176
	defaultVXLANPort        = 4789
	defaultSocket           = "/run/stead/stead.sock"
	defaultListen           = "127.0.0.1:9177" // loopback unless asked: the page asks for no password
	defaultStateDir         = "/var/lib/stead"
	defaultRealtimePriority = 50

	// A node that comes back waits half a minute before it takes a group from a
	// node that serves: services that are still starting pass their checks on and off.
	defaultPreemptDelay = 30 * time.Second

	// Packets that were under way when a group moved still reach the old node.
	defaultLinger  = 20 * time.Millisecond
	defaultRefresh = 60 * time.Second
	// A router that is not a Stead may give way after a partition without a word, and
	// leave clients with its hardware address.
	defaultRouterRefresh = 5 * time.Second

	defaultAdvertInterval = time.Second // RFC 9568 section 6.1
	defaultDownAdverts    = 3
	defaultVRRPVersion    = 3
	defaultTTL            = 255 // RFC 9568 section 5.1.1.3

	defaultCheckInterval = time.Second
	defaultCheckTimeout  = time.Second // or the interval, if that is shorter
	defaultRise          = 2
	defaultFall          = 2
	defaultHookTimeout   = 5 * time.Second

	defaultBGPPort     = 179
	defaultHoldTime    = 9 * time.Second // three times the least that routers take
	defaultBGPRetry    = time.Second
	defaultRoom        = 2
	defaultLocalPref   = 100 // RFC 4271 has none; routers take this one
	defaultPathLinger  = time.Second
	defaultBFDInterval = 50 * time.Millisecond
	defaultBFDMult     = 3

	equalPriority = 100 // of members where nobody is elected

	// Route servers of clouds hold a second change back for half a minute.
	defaultDamping = 40 * time.Second

	defaultLeaseTTL         = 10 * time.Second
	defaultStoreTimeout     = gate.DefaultTimeout
	defaultStalled          = 30 * time.Second
	defaultGateStalled      = time.Minute
	defaultProgressInterval = 5 * time.Second

	defaultMailTimeout = 10 * time.Second
	defaultWebTimeout  = 5 * time.Second
	defaultRetry       = 15 * time.Minute
	defaultSyslog      = "/dev/log"

	leastCheckInterval = 10 * time.Millisecond
	leastExecInterval  = 100 * time.Millisecond // a fork each
)

// timings are the presets: a promise that nothing fails over by mistake.
var timings = []struct {
	name       string
	interval   time.Duration
	multiplier int
}{
	{TimingFast, 5 * time.Millisecond, 3},
	{TimingLAN, 10 * time.Millisecond, 4},
	{TimingCloud, 50 * time.Millisecond, 4},
	{TimingWAN, 500 * time.Millisecond, 4},
}

func timingNames() []string {
	names := make([]string, len(timings))
	for i, t := range timings {
		names[i] = t.name
	}
	return names
}

// preset is the interval and the multiplier of a timing.
func preset(name string) (interval time.Duration, multiplier int) {
	for _, t := range timings {
		if t.name == name {
			return t.interval, t.multiplier
		}
	}
	return 0, 0
}
