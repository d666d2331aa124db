package gate

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/transcript"
)

// The transcripts in testdata read like the report of an incident: a line at the
// margin happens to a gate, the indented lines below it are what it says and asks
// for. -rewrite regenerates those; the diff is to be read. Lines that begin with
// "expect" hold whatever -rewrite writes.
func TestTranscripts(t *testing.T) { transcript.Files(t, 12, play) }

func play(t *testing.T, text string) string {
	r := &rig{cfg: Config{
		Site: "east", Other: "west", Flatline: 10 * time.Second, Grace: time.Second, Beat: 2 * time.Second, StopAfter: 6 * time.Second, StallPause: time.Minute,
	}}
	return transcript.Play(t, text, &r.out, r.obey)
}

// rig is one gate, a share and a register that answer at once unless they are told
// not to.
type rig struct {
	cfg   Config
	right lease.Config
	m     *Machine
	now   Instant
	out   []string

	place    [8]Sample // what each witness shows
	beats    [8]bool   // the other site's heartbeat goes on there
	sequence uint64
	noWrite  bool // the own heartbeat cannot be written
	noStore  bool // the register does not answer
	hangs    bool // looks are not answered
	record   []byte
	version  int
	held     string // as the register said last
	run      bool   // the workload does
	busy     bool   // and does not end before it is killed
	end      Instant
	kill     Instant
}

func (r *rig) obey(words []string) error {
	verb, args := words[0], words[1:]
	switch verb {
	case "gate":
		return r.configure(args)
	case "start":
		r.m = New(&r.cfg)
		r.step(func() { r.m.Start(r.now) })
	case "run":
		d, err := time.ParseDuration(args[0])
		r.wait(d)
		return err
	case "away": // the gate does not run
		d, err := time.ParseDuration(args[0])
		r.now = r.now.Add(d)
		r.step(func() { r.m.Tick(r.now) })
		return err
	case "expect":
		return r.expect(strings.Join(args, " "))
	case "west":
		return r.west(args)
	default:
		return r.order(verb, args)
	}
	return nil
}

func (r *rig) configure(args []string) error {
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		d, _ := time.ParseDuration(value)
		switch key {
		case "preferred":
			r.cfg.Preferred = true
		case "share":
			r.cfg.Witnesses = append(r.cfg.Witnesses, Witness{Name: "share", Every: time.Second})
		case "blob":
			r.cfg.Witnesses = append(r.cfg.Witnesses, Witness{Name: "blob", Every: time.Second})
		case "network":
			r.cfg.Witnesses = append(r.cfg.Witnesses, Witness{Name: "network"})
		case "any":
			r.cfg.Any = true
		case "never":
			r.cfg.Never = map[string]Policy{"wait": NeverWait, "flatlined": NeverFlatlined}[value]
		case "open-after":
			r.cfg.OpenAfter = d
		case "right":
			r.right = lease.Config{Self: "east", Session: 7, TTL: 8 * time.Second, Use: 6 * time.Second, Renew: 2 * time.Second, Look: time.Second}
			r.cfg.Right = &r.right
		case "resume":
			n, _ := strconv.Atoi(value)
			r.cfg.Resume, r.cfg.ResumeEnd = uint64(n), r.now.Add(4*time.Second)
			r.run = true
		case "mute":
			r.cfg.Mute = true
		case "no-beat":
			r.cfg.Beat = 0
		default:
			return fmt.Errorf("%s: no such setting", arg)
		}
	}
	return nil
}

// west is what happens at the other site, or to what is seen of it.
func (r *rig) west(args []string) error {
	verb := args[0]
	at := []int{0}
	if len(args) > 1 {
		if at = nil; args[1] == "all" {
			for i := range r.cfg.Witnesses {
				at = append(at, i)
			}
		}
		for i, w := range r.cfg.Witnesses {
			if w.Name == args[1] {
				at = append(at, i)
			}
		}
	}
	for _, i := range at {
		s := &r.place[i]
		switch verb {
		case "beats":
			r.beats[i] = true
		case "dies":
			r.beats[i] = false
		case "unreadable":
			*s = Sample{Detail: "no answer in 2s"}
		case "readable":
			*s = r.heartbeat()
		case "torn":
			*s = Sample{Sight: Garbled, Detail: "it is torn: it ends after 40 bytes"}
		case "absent":
			*s = Sample{Sight: Nothing}
		case "unmounted":
			*s = Sample{Sight: Nothing, Place: 9}
		case "old":
			*s = Sample{Sight: Beaten, Mark: "1/0", Series: 1}
		case "elsewhere":
			*s = Sample{Sight: Beaten, Mark: "5/5", Series: 5, Order: 5, Place: 9}
		default:
			return fmt.Errorf("no such line")
		}
	}
	return nil
}

func (r *rig) heartbeat() Sample {
	r.sequence++
	return Sample{
		Sight: Beaten, Mark: fmt.Sprintf("1/%d", r.sequence), Series: 1, Order: r.sequence,
		At: time.Unix(1_700_000_000, int64(r.now)),
	}
}

func (r *rig) order(verb string, args []string) error {
	switch verb {
	case "clock": // the wall clock of this site is off
		d, err := time.ParseDuration(args[0])
		r.step(func() { r.m.SetWall(time.Duration(1_700_000_000)*time.Second + d) })
		return err
	case "right":
		return r.put(args)
	case "stalled", "moves": // the work of this site
		r.step(func() { r.m.Progress(r.now, verb == "stalled", "the checkpoint has stood at 7 for 1m0s") })
	case "stop":
		r.step(func() { r.m.Stop(r.now, args[0] == "park") })
	case "handover":
		r.step(func() { r.m.HandOver(r.now, args[0]) })
	case "exits":
		r.run = false
		r.step(func() { r.m.Ended(r.now) })
	case "no-write", "write":
		r.noWrite = verb == "no-write"
	case "no-store", "store":
		r.noStore = verb == "no-store"
	case "hang", "answer":
		r.hangs = verb == "hang"
	case "busy":
		r.busy = true
	default:
		return fmt.Errorf("no such line")
	}
	return nil
}

// put has somebody else write the register.
func (r *rig) put(args []string) error {
	if args[0] == "absent" {
		r.record = nil
		return nil
	}
	rec := lease.Record{Epoch: 1, Turn: 1, Holder: "west", Session: 3, TTL: 8 * time.Second, State: lease.Held}
	if old, err := lease.Parse(r.record); err == nil {
		rec.Epoch, rec.Turn = old.Epoch, old.Turn+1
		if args[0] == "held" || args[0] == "asked" {
			rec.Holder, rec.Session = old.Holder, old.Session
		}
	}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "free":
			rec.State, rec.To = lease.Free, value
		case "parked":
			rec.State = lease.Parked
		case "holder":
			rec.Holder = value
		case "session":
			rec.Session, _ = strconv.ParseUint(value, 10, 64)
		case "epoch":
			rec.Epoch, _ = strconv.ParseUint(value, 10, 64)
		case "to":
			rec.To = value
		}
	}
	r.record = rec.Append(nil)
	r.version++
	return nil
}

// wait lets time pass: the machine is called when it asks to be, and the other
// site's heartbeats change each second.
func (r *rig) wait(d time.Duration) {
	till := r.now.Add(d)
	for {
		next := min(r.m.Deadline(), r.beatAt())
		if r.run {
			next = min(next, r.kill)
		}
		if next > till {
			break
		}
		r.now = max(r.now, next)
		r.beat()
		if r.run && r.now >= r.kill {
			r.say("the workload is killed")
			r.run = false
			r.step(func() { r.m.Ended(r.now) })
			continue
		}
		r.step(func() { r.m.Tick(r.now) })
	}
	r.now = till
}

func (r *rig) beatAt() Instant {
	for i := range r.cfg.Witnesses {
		if r.beats[i] {
			return (r.now/Instant(time.Second) + 1) * Instant(time.Second)
		}
	}
	return clock.Never
}

func (r *rig) beat() {
	if r.now%Instant(time.Second) != 0 {
		return
	}
	for i, w := range r.cfg.Witnesses {
		if r.beats[i] {
			if r.place[i] = r.heartbeat(); w.Every == 0 {
				s := r.place[i]
				s.Witness = i
				r.step(func() { r.m.Saw(r.now, &s) })
			}
		}
	}
}

func (r *rig) say(format string, args ...any) {
	r.out = append(r.out, fmt.Sprintf("    %11.6fs  ", time.Duration(r.now).Seconds())+fmt.Sprintf(format, args...))
}

func (r *rig) expect(want string) error {
	if got := r.m.Phase().String() + " " + r.m.Verdict().String(); got != want {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}
