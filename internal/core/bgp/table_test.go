package bgp

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// situation is a state in which a Session may be, as it came to be.
type situation struct {
	name string
	make func(t *testing.T) *rig
}

func in(state State) func(t *testing.T) *rig {
	return func(t *testing.T) *rig { return newRig(t).to(state) }
}

// situations are the states of RFC 4271 section 8.2.2 with their variants.
var situations = []situation{
	{"Idle, stopped", in(Idle)},
	{"Idle, damped", func(t *testing.T) *rig {
		g := newRig(t).to(OpenSent)
		g.receive(ours1, AppendNotification(nil, Cease(ConnectionRejected, "")))
		g.is(Idle)
		return g
	}},
	{"Idle, waits for BFD", func(t *testing.T) *rig {
		g := newRig(t, func(c *Config) { c.WaitForBFD = true }).to(EstablishedState)
		g.do(func(s *Session) { s.BFD(g.now, true, false) })
		g.do(func(s *Session) { s.BFD(g.now, false, false) })
		g.is(Idle)
		return g
	}},
	{"Connect", in(Connect)},
	{"Active", in(ActiveState)},
	{"Active, passive", func(t *testing.T) *rig {
		g := newRig(t, func(c *Config) { c.Passive = true })
		g.start()
		g.is(ActiveState)
		return g
	}},
	{"OpenSent", in(OpenSent)},
	{"OpenConfirm", in(OpenConfirm)},
	{"Established", in(EstablishedState)},
}

// event is something that happens to a Session. What is done on a connection is
// done on its own one.
type event struct {
	name string
	do   func(g *rig) string
}

var events = []event{
	{"start", (*rig).start},
	{"our connection opens", func(g *rig) string { return g.opened(ours1) }},
	{"their connection opens", (*rig).connects},
	{"our connection closes", func(g *rig) string { return g.closed(ours1, "EOF") }},
	{"OPEN", func(g *rig) string { return g.receive(ours1, peerOpen()) }},
	{"OPEN of another AS", func(g *rig) string { return g.receive(ours1, peerOpen(func(o *Open) { o.AS = 1 })) }},
	{"KEEPALIVE", func(g *rig) string { return g.receive(ours1, AppendKeepalive(nil)) }},
	{"UPDATEs", func(g *rig) string { return g.do(func(s *Session) { s.Updates(g.now, ours1, 3) }) }},
	{"NOTIFICATION", func(g *rig) string {
		return g.receive(ours1, AppendNotification(nil, Cease(AdministrativeReset, "")))
	}},
	{"ROUTE-REFRESH", func(g *rig) string { return g.receive(ours1, refresh(afiIPv4, safiUnicast)) }},
	{"garbage", func(g *rig) string { return g.receive(ours1, make([]byte, HeaderLen)) }},
	{"a minute of silence", func(g *rig) string { return g.tick(time.Minute) + "; " + g.tick(2*time.Second) }},
	{"BFD goes down", func(g *rig) string {
		g.do(func(s *Session) { s.pathUp = true })
		return g.do(func(s *Session) { s.BFD(g.now, false, false) })
	}},
	{"reset", func(g *rig) string {
		return g.do(func(s *Session) { s.Reset(g.now, Cease(AdministrativeReset, "")) })
	}},
	{"stop", func(g *rig) string {
		return g.do(func(s *Session) { s.Stop(g.now, Cease(AdministrativeShutdown, "")) })
	}},
}

// outcomes are what follows from every event in every state (RFC 4271 section
// 8.2.2): the new state, and what is done. A dash is that nothing changes.
const outcomes = `
Idle, stopped        | start                  → Connect: dial
Idle, stopped        | our connection opens   → -
Idle, stopped        | their connection opens → hang up
Idle, stopped        | our connection closes  → -
Idle, stopped        | OPEN                   → -
Idle, stopped        | OPEN of another AS     → -
Idle, stopped        | KEEPALIVE              → -
Idle, stopped        | UPDATEs                → -
Idle, stopped        | NOTIFICATION           → -
Idle, stopped        | ROUTE-REFRESH          → -
Idle, stopped        | garbage                → -
Idle, stopped        | a minute of silence    → -
Idle, stopped        | BFD goes down          → -
Idle, stopped        | reset                  → -
Idle, stopped        | stop                   → -
Idle, damped         | start                  → -
Idle, damped         | our connection opens   → -
Idle, damped         | their connection opens → -
Idle, damped         | our connection closes  → -
Idle, damped         | OPEN                   → -
Idle, damped         | OPEN of another AS     → -
Idle, damped         | KEEPALIVE              → -
Idle, damped         | UPDATEs                → -
Idle, damped         | NOTIFICATION           → -
Idle, damped         | ROUTE-REFRESH          → -
Idle, damped         | garbage                → -
Idle, damped         | a minute of silence    → Connect: dial
Idle, damped         | BFD goes down          → -
Idle, damped         | reset                  → Active
Idle, damped         | stop                   → -
Idle, waits for BFD  | start                  → -
Idle, waits for BFD  | our connection opens   → -
Idle, waits for BFD  | their connection opens → -
Idle, waits for BFD  | our connection closes  → -
Idle, waits for BFD  | OPEN                   → -
Idle, waits for BFD  | OPEN of another AS     → -
Idle, waits for BFD  | KEEPALIVE              → -
Idle, waits for BFD  | UPDATEs                → -
Idle, waits for BFD  | NOTIFICATION           → -
Idle, waits for BFD  | ROUTE-REFRESH          → -
Idle, waits for BFD  | garbage                → -
Idle, waits for BFD  | a minute of silence    → Connect: dial
Idle, waits for BFD  | BFD goes down          → -
Idle, waits for BFD  | reset                  → -
Idle, waits for BFD  | stop                   → -
Connect              | start                  → -
Connect              | our connection opens   → OpenSent: open
Connect              | their connection opens → OpenSent: open
Connect              | our connection closes  → Active
Connect              | OPEN                   → -
Connect              | OPEN of another AS     → -
Connect              | KEEPALIVE              → -
Connect              | UPDATEs                → -
Connect              | NOTIFICATION           → -
Connect              | ROUTE-REFRESH          → -
Connect              | garbage                → -
Connect              | a minute of silence    → hang up; dial
Connect              | BFD goes down          → -
Connect              | reset                  → Active: hang up
Connect              | stop                   → Idle: hang up
Active               | start                  → -
Active               | our connection opens   → -
Active               | their connection opens → OpenSent: open
Active               | our connection closes  → -
Active               | OPEN                   → -
Active               | OPEN of another AS     → -
Active               | KEEPALIVE              → -
Active               | UPDATEs                → -
Active               | NOTIFICATION           → -
Active               | ROUTE-REFRESH          → -
Active               | garbage                → -
Active               | a minute of silence    → Connect: dial
Active               | BFD goes down          → -
Active               | reset                  → -
Active               | stop                   → Idle
Active, passive      | start                  → -
Active, passive      | our connection opens   → -
Active, passive      | their connection opens → OpenSent: open
Active, passive      | our connection closes  → -
Active, passive      | OPEN                   → -
Active, passive      | OPEN of another AS     → -
Active, passive      | KEEPALIVE              → -
Active, passive      | UPDATEs                → -
Active, passive      | NOTIFICATION           → -
Active, passive      | ROUTE-REFRESH          → -
Active, passive      | garbage                → -
Active, passive      | a minute of silence    → -
Active, passive      | BFD goes down          → -
Active, passive      | reset                  → -
Active, passive      | stop                   → Idle
OpenSent             | start                  → -
OpenSent             | our connection opens   → -
OpenSent             | their connection opens → open
OpenSent             | our connection closes  → Idle: told refused disconnected
OpenSent             | OPEN                   → OpenConfirm: keepalive
OpenSent             | OPEN of another AS     → Idle: notify 2/2, hang up, told refused notified
OpenSent             | KEEPALIVE              → Idle: notify 5/1, hang up, told refused notified
OpenSent             | UPDATEs                → Idle: notify 5/1, hang up, told refused notified
OpenSent             | NOTIFICATION           → Idle: hang up, told refused notified
OpenSent             | ROUTE-REFRESH          → Idle: notify 5/1, hang up, told refused notified
OpenSent             | garbage                → Idle: notify 1/1, hang up, told refused notified
OpenSent             | a minute of silence    → Connect: notify 4/0, hang up, told refused hold-time-expired; dial
OpenSent             | BFD goes down          → Active: notify 6/10, hang up, told refused bfd-down
OpenSent             | reset                  → Active: notify 6/4, hang up
OpenSent             | stop                   → Idle: notify 6/2, hang up
OpenConfirm          | start                  → -
OpenConfirm          | our connection opens   → -
OpenConfirm          | their connection opens → open
OpenConfirm          | our connection closes  → Idle: told refused disconnected
OpenConfirm          | OPEN                   → Idle: notify 5/2, hang up, told refused notified
OpenConfirm          | OPEN of another AS     → Idle: notify 5/2, hang up, told refused notified
OpenConfirm          | KEEPALIVE              → Established: update, update, told established
OpenConfirm          | UPDATEs                → Idle: notify 5/2, hang up, told refused notified
OpenConfirm          | NOTIFICATION           → Idle: hang up, told refused notified
OpenConfirm          | ROUTE-REFRESH          → Idle: notify 5/2, hang up, told refused notified
OpenConfirm          | garbage                → Idle: notify 1/1, hang up, told refused notified
OpenConfirm          | a minute of silence    → Idle: keepalive; notify 4/0, hang up, told refused hold-time-expired
OpenConfirm          | BFD goes down          → Active: notify 6/10, hang up, told refused bfd-down
OpenConfirm          | reset                  → Active: notify 6/4, hang up
OpenConfirm          | stop                   → Idle: notify 6/2, hang up
Established          | start                  → -
Established          | our connection opens   → -
Established          | their connection opens → keepalive
Established          | our connection closes  → Idle: told down disconnected
Established          | OPEN                   → Idle: notify 5/3, hang up, told down notified
Established          | OPEN of another AS     → Idle: notify 5/3, hang up, told down notified
Established          | KEEPALIVE              → -
Established          | UPDATEs                → -
Established          | NOTIFICATION           → Idle: hang up, told down notified
Established          | ROUTE-REFRESH          → -
Established          | garbage                → Idle: notify 1/1, hang up, told down notified
Established          | a minute of silence    → Active: keepalive; notify 4/0, hang up, told down hold-time-expired
Established          | BFD goes down          → Idle: notify 6/10, hang up, told down bfd-down
Established          | reset                  → Active: notify 6/4, hang up, told down notified
Established          | stop                   → Idle: notify 6/2, hang up, told down stopping
`

func TestEveryEventInEveryState(t *testing.T) {
	want := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(outcomes), "\n") {
		key, outcome, _ := strings.Cut(line, " → ")
		want[strings.Join(strings.Fields(key), " ")] = outcome
	}
	for _, situation := range situations {
		for _, event := range events {
			key := situation.name + " | " + event.name
			g := situation.make(t)
			before := g.s.Status(g.now).State
			did := strings.Trim(event.do(g), "; ")
			outcome := did
			if after := g.s.Status(g.now).State; after != before {
				outcome = strings.TrimSuffix(fmt.Sprintf("%v: %s", after, did), ": ")
			} else if did == "" {
				outcome = "-"
			}
			if outcome != want[key] {
				t.Errorf("%-20s | %-22s → %s\n\twant %s", situation.name, event.name, outcome, want[key])
			}
			delete(want, key)
		}
	}
	for key := range want {
		t.Errorf("there is no %q", key)
	}
}
