package gate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"stead/internal/adapter/store/open"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// NoRight is the Right of a gate that claims none.
const NoRight = "none"

// Settings is a gate as a command line or a configuration says it.
type Settings struct {
	Site, Other string
	Preferred   bool

	Store     string    // URL: where the right is, and the heartbeats where Witnesses says nothing else
	Right     string    // URL of another store for the right, or NoRight
	Witnesses []Witness // default: the other site's heartbeat in Store
	Any       bool      // one flatlined witness is enough
	Never     gate.Policy
	OpenAfter time.Duration
	Timing    gate.Timing
	Format    gate.Format // that this site's heartbeat is written in; the other one's is read in any

	Network Network

	// What is guarded. Without Command and Watch the gate ends when it opens.
	Command   []string // the workload; {epoch} in its words is replaced
	User      string   // that it runs as
	Watch     bool     // guard on after opening, what somebody else has started
	Processes []string // Watch: names of processes that are stopped when the right is lost
	Stay      bool     // wait again after the workload has ended, instead of ending
	EpochFile string
	Progress  *Progress // nil: the work is not judged
	Release   bool      // the right is given up at the end; else it is parked for this site's next run
}

// Witness is one way to know whether the other site lives.
type Witness struct {
	Name    string
	Store   string // URL
	Network bool   // its heartbeats arrive at Network.Listen
}

// Network is what is sent to the other site directly, and heard from it.
type Network struct {
	Listen string   // address:port
	SendTo []string // host:port, one for each path
	Keys   [][]byte // the first signs, all are accepted
}

// used tells whether anything goes over the network.
func (n *Network) used() bool { return n.Listen != "" || len(n.SendTo) > 0 }

// RightStore tells whether a right is claimed, and in which store.
func (s *Settings) RightStore() (url string, ok bool) {
	if s.Right == NoRight {
		return "", false
	}
	if s.Right != "" {
		return s.Right, true
	}
	return s.Store, true
}

// guards tells whether the gate stays after it has opened.
func (s *Settings) guards() bool { return s.Watch || len(s.Command) > 0 }

// AllWitnesses are those that were named, or those of Store and the network.
func (s *Settings) AllWitnesses() []Witness {
	if len(s.Witnesses) > 0 {
		return s.Witnesses
	}
	var all []Witness
	if s.Store != "" {
		all = append(all, Witness{Name: "store", Store: s.Store})
	}
	if s.Network.Listen != "" {
		all = append(all, Witness{Name: "network", Network: true})
	}
	return all
}

// pages are the stores that this site's heartbeat is written to: those in which
// the other site looks for it.
func (s *Settings) pages() []string {
	var urls []string
	for _, w := range s.AllWitnesses() {
		if w.Store != "" && !slices.Contains(urls, w.Store) {
			urls = append(urls, w.Store)
		}
	}
	return urls
}

// Check refuses settings that cannot work, or that would let both sites run. All
// mistakes are found at once.
func (s *Settings) Check() error {
	errs := []error{name("site", s.Site), name("other", s.Other)}
	if s.Site != "" && s.Site == s.Other {
		errs = append(errs, fmt.Errorf("other %q: is this site itself: name the one to watch", s.Other))
	}
	right, claims := s.RightStore()
	if claims && right == "" {
		errs = append(errs, errors.New("right: there is no store to keep it in: give a store"))
	}
	urls := s.pages()
	if right != "" && !slices.Contains(urls, right) {
		urls = append(urls, right)
	}
	for _, url := range urls {
		if _, err := open.Parse(url); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.checkWitnesses(), s.checkGuard(), s.checkTiming(), s.checkProgress())
	return errors.Join(errs...)
}

// name refuses what cannot be the name of a site.
func name(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s: is missing: name the site", what)
	case !lease.ValidName(text):
		return fmt.Errorf("%s %q: is no name of a site: letters, digits, '.', '_' and '-', 1 to 32 of them", what, text)
	}
	return nil
}

func (s *Settings) checkWitnesses() error {
	var errs []error
	all := s.AllWitnesses()
	if len(all) == 0 {
		errs = append(errs, errors.New("witness: there is none: give a store, or network heartbeats"))
	}
	seen := map[string]bool{}
	for _, w := range all {
		if seen[w.Name] {
			errs = append(errs, fmt.Errorf("witness %s: is there twice", w.Name))
		}
		seen[w.Name] = true
		if w.Network && s.Network.Listen == "" {
			errs = append(errs, fmt.Errorf("witness %s: hears the network, but nothing listens: give the address to listen at", w.Name))
		}
	}
	if s.Network.used() && (s.Network.Listen == "" || len(s.Network.SendTo) == 0) {
		errs = append(errs, errors.New("network: both sites have to hear each other: give the address to listen at and those to send to"))
	}
	if s.Network.used() && len(s.Network.Keys) == 0 {
		errs = append(errs, errors.New("network: has no key: anybody could send a heartbeat: give a key file"))
	}
	return errors.Join(errs...)
}

func (s *Settings) checkGuard() error {
	_, claims := s.RightStore()
	switch {
	case s.Watch && len(s.Command) > 0:
		return errors.New("watch: a command is run, which is watched anyway: leave one of them out")
	case s.Watch && !claims:
		return errors.New("watch: without a right nothing tells which start of the workload is guarded: keep a right, or let the gate run the workload")
	case len(s.Processes) > 0 && !s.Watch:
		return errors.New("processes to stop: are those of a workload that is watched: add watch")
	case len(s.Command) > 0 && !claims && (s.Timing.Beat == 0 || s.Timing.StopAfter == 0):
		return errors.New("the workload: nothing would ever stop it: keep a right, or write a heartbeat and stop after it could not be written")
	}
	return nil
}

func (s *Settings) checkTiming() error {
	t := s.Timing
	if t.Grace < 0 || t.Flatline <= 0 || t.Timeout <= 0 || t.Beat < 0 || t.StopAfter < 0 || s.OpenAfter < 0 {
		return errors.New("times: have to be longer than 0; only beat, stop_after, grace and open_after may be 0")
	}
	return t.Check()
}

// config is the machine's.
func (s *Settings) config(session uint64) *gate.Config {
	c := &gate.Config{
		Site: s.Site, Other: s.Other, Preferred: s.Preferred, Any: s.Any, Flatline: s.Timing.Flatline,
		Never: s.Never, OpenAfter: s.OpenAfter, Grace: s.Timing.Grace, Beat: s.Timing.Beat, StopAfter: s.Timing.StopAfter,
		Mute: s.Format == gate.FormatTicks,
	}
	for _, w := range s.AllWitnesses() {
		every := s.Timing.Look()
		if w.Network {
			every = 0
		}
		c.Witnesses = append(c.Witnesses, gate.Witness{Name: w.Name, Every: every})
	}
	if s.Progress != nil {
		c.StallPause = s.Progress.Pause
	}
	if _, ok := s.RightStore(); ok {
		right := s.Timing.Lease(s.Site, session, s.Preferred)
		// What only opens has no run of its own that could still be at work: the
		// replicas of a workload each have one.
		right.Inherit = !s.guards()
		right.Ready = true
		c.Right = &right
	}
	return c
}
