package report

import (
	"fmt"
	"net/netip"
	"time"
)

// BGPSession is a session with a router that this node announces to (RFC 4271).
type BGPSession struct {
	Name      string    `json:"name"`
	Address   string    `json:"address"`
	AS        uint32    `json:"as"`
	State     string    `json:"state"`               // of RFC 4271: Idle, Connect, Active (which has nothing to do with an active node), OpenSent, OpenConfirm, Established
	Since     time.Time `json:"since"`               // of the state
	HoldTime  int       `json:"hold_time"`           // negotiated, in seconds, while established; 0: no keepalives
	RouterID  string    `json:"router_id,omitempty"` // of the peer, while established
	Families  []string  `json:"families"`            // negotiated, while established: ipv4, ipv6
	FourOctet bool      `json:"four_octet_as"`       // the peer knows AS numbers of 4 bytes
	Refresh   bool      `json:"route_refresh"`       // the peer may ask for everything again
	LastError string    `json:"last_error,omitempty"`

	Attempts  uint64 `json:"attempts"` // connections asked for
	Flaps     uint64 `json:"flaps"`    // times an established session has ended
	Received  uint64 `json:"messages_received"`
	Sent      uint64 `json:"messages_sent"`
	Unsent    bool   `json:"unsent"` // something that was announced or withdrawn has not left yet
	Announced []Path `json:"announced"`
	BFD       string `json:"bfd,omitempty"` // the state of the BFD session beside it
}

// Established is the name of the state in which paths are announced.
const Established = "Established"

// Up tells whether the session carries paths.
func (s *BGPSession) Up() bool { return s.State == Established }

// Path is what a peer was told of a prefix.
type Path struct {
	Prefix      string   `json:"prefix"`
	NextHop     string   `json:"next_hop"`
	ASPath      []uint32 `json:"as_path"`
	Communities []string `json:"communities,omitempty"` // of RFC 1997 and large ones
	MED         *uint32  `json:"med,omitempty"`
	LocalPref   *uint32  `json:"local_pref,omitempty"` // of internal peers
}

// BFDSession is a session of Bidirectional Forwarding Detection (RFC 5880).
type BFDSession struct {
	Name        string    `json:"name"`
	Remote      string    `json:"remote"`
	Multihop    bool      `json:"multihop"`
	State       string    `json:"state"` // AdminDown, Down, Init, Up
	RemoteState string    `json:"remote_state"`
	Since       time.Time `json:"since"`                       // of the state
	Diagnostic  string    `json:"diagnostic,omitempty"`        // why it went down last
	RemoteDiag  string    `json:"remote_diagnostic,omitempty"` // what the other system says of that

	TXInterval    int64   `json:"tx_interval_us"`    // negotiated, before jitter
	DetectionTime int64   `json:"detection_time_us"` // after which silence ends it; 0 while nothing is expected
	LastHeard     float64 `json:"last_heard_ms"`     // ago; negative: never
	MaxGap        int64   `json:"max_gap_us"`        // the longest time between two packets while up

	Ups         uint64 `json:"ups"`
	Downs       uint64 `json:"downs"`
	Sent        uint64 `json:"packets_sent"`
	Received    uint64 `json:"packets_received"`
	Refused     uint64 `json:"packets_refused"`
	LastRefusal string `json:"last_refusal,omitempty"`
}

// BFDUp is the name of the state in which the path works.
const BFDUp = "Up"

// Up tells whether the path works.
func (s *BFDSession) Up() bool { return s.State == BFDUp }

// Announces is what a group announces by BGP.
type Announces struct {
	Role    string    `json:"as"`             // active, takeover, damped, leaving, standby, unhealthy, drain; empty: nothing is announced
	Prepend int       `json:"prepend"`        // how often the local AS is prepended
	Until   time.Time `json:"until,omitzero"` // of takeover, damped and leaving
	To      []string  `json:"to"`             // the sessions over which it is announced, established or not
}

// CommunityText writes a community (RFC 1997) as the configuration does.
func CommunityText(c uint32) string {
	switch c {
	case 0xffffff01:
		return "no-export"
	case 0xffffff02:
		return "no-advertise"
	case 0xffffff03:
		return "no-export-subconfed"
	case 0xffffff04:
		return "no-peer"
	case 0xffff029a:
		return "blackhole"
	case 0xffff0000:
		return "graceful-shutdown"
	}
	return fmt.Sprintf("%d:%d", c>>16, c&0xffff)
}

// AddrText is an address as a text, empty for none.
func AddrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// sessionProblems says what a person should look at in the sessions.
func (s *Status) sessionProblems() (out []string) {
	for i := range s.BGP {
		if p := &s.BGP[i]; !p.Up() {
			out = append(out, fmt.Sprintf("bgp %s: no session (%s)%s", p.Name, stateText(p.State), after(": ", p.LastError)))
		}
	}
	for i := range s.BFD {
		p := &s.BFD[i]
		switch {
		case p.Up():
		case p.RemoteState == "AdminDown":
			out = append(out, fmt.Sprintf("bfd %s: the other system was taken out of service", p.Name))
		default:
			out = append(out, fmt.Sprintf("bfd %s: %s%s", p.Name, p.State, after(": ", p.why())))
		}
	}
	return out
}

// why is the reason of a state that is not up, where one is known.
func (s *BFDSession) why() string {
	switch {
	case s.LastRefusal != "" && s.Received == 0:
		return s.LastRefusal
	case s.Diagnostic != "":
		return s.Diagnostic
	case s.Received == 0:
		return "nothing was heard yet"
	}
	return ""
}

// stateText keeps the RFC's Active apart from an active node.
func stateText(state string) string {
	if state == "Active" {
		return "BGP Active state"
	}
	return state
}

// waitProblems says that this node would take over, and why it does not yet.
func (g *Group) waitProblems(self string, at time.Time, say func(format string, args ...any)) {
	if left := g.DampedUntil.Sub(at); left > 0 && g.Role == RoleStandby {
		say("%s takes over in %s: damping, another change was a short time ago", self, left.Round(100*time.Millisecond))
	}
}

// announceProblems says what a person should look at in what a group announces.
func (g *Group) announceProblems(s *Status, say func(format string, args ...any)) {
	a := g.Announces
	if a == nil {
		return
	}
	up := 0
	for _, name := range a.To {
		if p := s.BGPSession(name); p != nil && p.Up() {
			up++
		}
	}
	switch {
	case g.Role == RoleActive && a.Role == "":
		say("is active and announces nothing")
	case a.Role == "damped":
		say("announced as a last choice for %s more: another change was a short time ago", a.Until.Sub(s.At).Round(time.Second))
	}
	if g.Role == RoleActive && up == 0 && len(a.To) > 0 {
		say("no session is established over which it could be announced")
	}
}

// BGPSession returns the session with this name, or nil.
func (s *Status) BGPSession(name string) *BGPSession {
	for i := range s.BGP {
		if s.BGP[i].Name == name {
			return &s.BGP[i]
		}
	}
	return nil
}
