package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stead/internal/lab/routeserver"
)

// The networks that a trial can run in.
const (
	NetworkOverlay = "overlay" // a cloud without layer 2, and a VXLAN in it
	NetworkBGP     = "bgp"     // two route servers, to which the servers announce the address
)

// The elections that a trial in NetworkBGP can have.
const (
	ElectionPeer = "peer"
	ElectionNone = "none" // both announce, the secondary with a longer AS_PATH
)

// The presets of the election, and their leases: interval × multiplier.
var leases = map[string]time.Duration{
	"fast": 15 * time.Millisecond, "lan": 40 * time.Millisecond, "cloud": 200 * time.Millisecond, "wan": 2 * time.Second,
}

// MaxRuns is how often a fault can be run.
const MaxRuns = 1000

// Options are what a trial goes through.
type Options struct {
	Network  string   `json:"network"` // empty: NetworkOverlay
	Faults   []string `json:"faults"`  // by name, in order; empty: all of the network
	Runs     int      `json:"runs"`    // of each fault
	Timing   string   `json:"timing"`  // of the election
	IPv6     bool     `json:"ipv6"`    // underlay, overlay and address
	NoQuorum bool     `json:"no_quorum"`
	Binary   string   `json:"binary"` // stead; empty: this program

	// Of NetworkBGP alone.
	Router   string        `json:"router"`    // a kind of routeserver; empty: bird
	Election string        `json:"election"`  // empty: ElectionPeer
	Hold     time.Duration `json:"hold_time"` // of the BGP sessions, 3 s to 180 s; 0: 9 s
	BFD      time.Duration `json:"bfd"`       // interval, three of which are the detection time; 0: no BFD
}

// The limits of a trial in NetworkBGP.
const (
	minHold, defaultHold, maxHold = 3 * time.Second, 9 * time.Second, 180 * time.Second
	minBFD, maxBFD                = 5 * time.Millisecond, time.Second
	bfdMultiplier                 = 3
)

// Check tells what is wrong with the options, all of it, or nil. It fills in defaults.
func (o *Options) Check() error {
	var wrong []error
	if o.Network == "" {
		o.Network = NetworkOverlay
	}
	if o.Network != NetworkOverlay && o.Network != NetworkBGP {
		return fmt.Errorf("network %q: choose %s or %s", o.Network, NetworkOverlay, NetworkBGP)
	}
	if o.bgp() {
		wrong = append(wrong, o.checkBGP()...)
	} else if o.Router != "" || o.Election != "" || o.Hold != 0 || o.BFD != 0 {
		wrong = append(wrong, errors.New("router, election, hold-time and bfd: choose --network bgp as well"))
	}
	names := o.faultNames()
	if len(o.Faults) == 0 {
		o.Faults = names
	}
	for _, name := range o.Faults {
		if !slices.Contains(names, name) {
			wrong = append(wrong, fmt.Errorf("fault %q: choose from %s", name, strings.Join(names, " ")))
		}
	}
	if o.Runs < 1 || o.Runs > MaxRuns {
		wrong = append(wrong, fmt.Errorf("runs %d: choose 1 to %d", o.Runs, MaxRuns))
	}
	if leases[o.Timing] == 0 {
		wrong = append(wrong, fmt.Errorf("timing %q: choose fast, lan, cloud or wan", o.Timing))
	}
	if o.Binary == "" {
		o.Binary = "/proc/self/exe"
	}
	return errors.Join(wrong...)
}

// checkBGP tells what is wrong with what NetworkBGP alone has, and fills in defaults.
func (o *Options) checkBGP() (wrong []error) {
	if o.Router == "" {
		o.Router = routeserver.BIRD
	}
	if o.Election == "" {
		o.Election = ElectionPeer
	}
	if o.Hold == 0 {
		o.Hold = defaultHold
	}
	if err := routeserver.Installed(o.Router); err != nil {
		wrong = append(wrong, err)
	}
	if o.Router == routeserver.FRR && !Privileged() {
		wrong = append(wrong, errors.New("router frr: FRR's daemons run as a user of their own: run it as root, or choose --router bird"))
	}
	if o.Election != ElectionPeer && o.Election != ElectionNone {
		wrong = append(wrong, fmt.Errorf("election %q: choose %s or %s", o.Election, ElectionPeer, ElectionNone))
	}
	if o.Hold < minHold || o.Hold > maxHold || o.Hold%time.Second != 0 {
		wrong = append(wrong, fmt.Errorf("hold-time %v: choose whole seconds, %v to %v", o.Hold, minHold, maxHold))
	}
	if o.BFD != 0 && (o.BFD < minBFD || o.BFD > maxBFD || o.BFD%time.Millisecond != 0) {
		wrong = append(wrong, fmt.Errorf("bfd %v: choose whole milliseconds, %v to %v", o.BFD, minBFD, maxBFD))
	}
	if low := 10 * time.Millisecond; o.Router == routeserver.FRR && o.BFD != 0 && o.BFD < low {
		wrong = append(wrong, fmt.Errorf("bfd %v: FRR knows no less than %v: choose --router bird", o.BFD, low))
	}
	return wrong
}

func (o *Options) bgp() bool { return o.Network == NetworkBGP }

// faultNames are the faults that can be run with these options.
func (o *Options) faultNames() (names []string) {
	for _, f := range faults {
		// Who elects nobody cannot hand over to a node of his choice.
		if f.in(o.Network) && !(f.name == "switchover" && o.Election == ElectionNone) {
			names = append(names, f.name)
		}
	}
	return names
}

// lease is the detection time of a silent fault.
func (o *Options) lease() time.Duration {
	switch {
	case o.Election != ElectionNone:
		return leases[o.Timing]
	case o.BFD != 0:
		return bfdMultiplier * o.BFD
	}
	return o.Hold
}

// patience is how long the trial waits for something that should come at once.
func (o *Options) patience() time.Duration { return 20*time.Second + 20*o.lease() }
