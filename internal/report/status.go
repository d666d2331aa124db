package report

import (
	"time"

	"stead/internal/core/reason"
)

// Status is how things are on one node. Its JSON is what `stead status --json` prints:
// keys are only ever added.
type Status struct {
	Node     string    `json:"node"`
	Version  string    `json:"version"`
	Uptime   float64   `json:"uptime_seconds"`
	At       time.Time `json:"at"` // when this status was taken
	Groups   []Group   `json:"groups"`
	Peers    []Peer    `json:"peers"`
	Overlays []Overlay `json:"overlays"`
	Gate     *Gate     `json:"gate,omitempty"`

	Vote *Vote `json:"vote,omitempty"` // of a store, where one votes

	BGP []BGPSession `json:"bgp,omitempty"`
	BFD []BFDSession `json:"bfd,omitempty"`

	Fence    Fence    `json:"fence"`
	Realtime Realtime `json:"realtime"`
	Draining bool     `json:"draining"` // in every group
	Counters Counters `json:"counters"`
	Loop     Loop     `json:"loop"`

	Notify     []Recipient  `json:"notify,omitempty"`
	Hooks      []HookCounts `json:"hooks,omitempty"`
	LogDropped uint64       `json:"log_dropped"` // records that whoever takes the log did not take in time
}

// Recipient is who is told of changes by mail or by a webhook, with how many were.
type Recipient struct {
	Kind      string `json:"kind"` // email or webhook
	Name      string `json:"name,omitempty"`
	Waiting   int    `json:"waiting"`
	Sent      uint64 `json:"sent"`
	Failed    uint64 `json:"failed"`               // refused, or given up
	Dropped   uint64 `json:"dropped"`              // too many waited
	Lost      uint64 `json:"lost"`                 // not delivered before it was removed
	LastError string `json:"last_error,omitempty"` // of the last attempt, empty when that went well
}

// HookCounts are how many runs of the hooks of a group ended how.
type HookCounts struct {
	Group   string `json:"group"`
	OK      uint64 `json:"ok"`
	Failed  uint64 `json:"failed"`
	Dropped uint64 `json:"dropped"` // changes that later ones overtook before a hook was started
}

// Role is what a node is in a group.
type Role string

// The roles in a group.
const (
	RoleActive  Role = "active"
	RoleStandby Role = "standby"
	RoleWitness Role = "witness"
)

// Group is a set of addresses that move together.
type Group struct {
	Name              string        `json:"name"`
	Role              Role          `json:"role"`
	ActiveNode        string        `json:"active_node"`              // empty: nobody, as far as this node knows
	ActiveAddress     string        `json:"active_address,omitempty"` // with vrrp: of the Active Router
	Election          string        `json:"election"`                 // peer, vrrp, lease or none
	Epoch             uint64        `json:"epoch"`
	Since             time.Time     `json:"since"` // of the role
	Reason            reason.Reason `json:"reason"`
	Ready             bool          `json:"ready"`
	NotReadyBecause   reason.Reason `json:"not_ready_because,omitempty"`
	NotReadyDetail    string        `json:"not_ready_detail,omitempty"`
	Fence             string        `json:"fence"`      // kernel, guard or none
	FenceOpen         bool          `json:"fence_open"` // this host answers for the addresses
	Addresses         []string      `json:"addresses"`
	Applied           bool          `json:"applied"` // the addresses are where they are wanted
	ApplyError        string        `json:"apply_error,omitempty"`
	Priority          int           `json:"priority"`
	EffectivePriority int           `json:"effective_priority"` // with the weights of the checks
	Stalled           bool          `json:"stalled"`            // active, but the fence closed for want of a renewal
	Draining          bool          `json:"draining"`
	LeaseRemainingMS  float64       `json:"lease_remaining_ms"`
	Quorum            Quorum        `json:"quorum"`
	WitnessStore      string        `json:"witness_store,omitempty"` // a store that is one of the voters
	Members           []Member      `json:"members"`
	Checks            []Check       `json:"checks"`
	VRRP              *VRRP         `json:"vrrp,omitempty"`
	Lease             *Lease        `json:"lease,omitempty"`
	Announces         *Announces    `json:"announces,omitempty"`   // of a group that is announced by BGP
	DampedUntil       time.Time     `json:"damped_until,omitzero"` // this node would take over, and waits: another change was a short time ago
	Sync              string        `json:"sync,omitempty"`        // groups with the same name change together
}

// Quorum is how many voters an active node needs. Needed is 0 without quorum.
type Quorum struct {
	Needed  int `json:"needed"`
	Granted int `json:"granted"` // voters whose promise to this node runs, itself included
	Voters  int `json:"voters"`
}

// Member is a node that may hold a group.
type Member struct {
	Name     string `json:"name"`
	Ready    bool   `json:"ready"`
	Priority int    `json:"priority"` // effective, as last heard
	Alive    bool   `json:"alive"`
	Unknown  bool   `json:"unknown,omitempty"` // nodes do not talk to each other in this group: whether it is alive and ready is not known
}

// CheckState is what is known of a check.
type CheckState string

// The states of a check.
const (
	CheckUp      CheckState = "up"
	CheckDown    CheckState = "down"
	CheckUnknown CheckState = "unknown" // no result yet, or it could not be run
)

// Check is a health check of a group.
type Check struct {
	Name    string     `json:"name"`
	State   CheckState `json:"state"`
	Detail  string     `json:"detail,omitempty"`
	LastRan time.Time  `json:"last_ran,omitzero"`
	Fatal   bool       `json:"fatal"`
	Weight  int        `json:"weight"`
}

// Peer is another node.
type Peer struct {
	Name     string     `json:"name"`
	Role     string     `json:"role"` // member or witness
	Alive    bool       `json:"alive"`
	RTT      int64      `json:"rtt_us"` // 0: not measured
	LastSeen time.Time  `json:"last_seen,omitzero"`
	Loss     float64    `json:"loss"` // share of its recent heartbeats that did not arrive, 0 to 1
	Paths    []PeerPath `json:"paths"`
}

// PeerPath is one way to a peer.
type PeerPath struct {
	Address     string  `json:"address"`
	Alive       bool    `json:"alive"`
	LastHeardMS float64 `json:"last_heard_ms"` // ago; negative: never
	Deaf        bool    `json:"deaf"`          // the peer is heard over it, but does not hear us
}

// Overlay is a network that Stead builds over the underlay.
type Overlay struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	VNI     uint32 `json:"vni"`
	MTU     int    `json:"mtu"`
	OK      bool   `json:"ok"` // as the configuration says
	Detail  string `json:"detail,omitempty"`
	Repairs uint64 `json:"repairs"`
}

// Fence is what silences this host for an address when its lease ends.
type Fence struct {
	Kind   string `json:"kind"`             // kernel, guard or none
	Detail string `json:"detail,omitempty"` // why it is not a better one
	Stalls uint64 `json:"stalls"`           // times it closed and opened again without a change of role
}

// Realtime is the scheduling of the engine's thread.
type Realtime struct {
	Mode     string `json:"mode"` // as configured: auto, required, off
	Active   bool   `json:"active"`
	Priority int    `json:"priority,omitempty"`
	Detail   string `json:"detail,omitempty"` // why it is not active
}

// Counters only grow while the daemon runs.
type Counters struct {
	HeartbeatsSent     uint64            `json:"heartbeats_sent"`
	HeartbeatsReceived uint64            `json:"heartbeats_received"`
	PacketsRejected    map[string]uint64 `json:"packets_rejected"` // by cause
	AddressRepairs     uint64            `json:"address_repairs"`
	Announcements      uint64            `json:"announcements"`

	VRRPStrangers    uint64            `json:"vrrp_strangers"`               // advertisements of virtual routers that this node has not
	VRRPSendFailures map[string]uint64 `json:"vrrp_send_failures,omitempty"` // advertisements that were not sent, by cause
}

// Loop is how punctual the engine is.
type Loop struct {
	Steps uint64   `json:"steps"`
	Late  Lateness `json:"late"`
}

// Group returns the group with this name, or nil.
func (s *Status) Group(name string) *Group {
	for i := range s.Groups {
		if s.Groups[i].Name == name {
			return &s.Groups[i]
		}
	}
	return nil
}

// Serves tells whether this node answers for the addresses of the group.
func (g *Group) Serves() bool {
	return g.Role == RoleActive && g.FenceOpen && !g.Stalled
}

// Listed makes lists that are absent empty ones, so that readers of the JSON find a
// list in every case.
func (s Status) Listed() Status {
	if s.Groups == nil {
		s.Groups = []Group{}
	}
	if s.Peers == nil {
		s.Peers = []Peer{}
	}
	if s.Overlays == nil {
		s.Overlays = []Overlay{}
	}
	return s
}
