package report

//go:generate go test . -run TestPage -update

import "stead/internal/core"

// Kind is the kind of an Event. Its text is stable: scripts match on it.
type Kind string

// The kinds that come from notes of the core.
const (
	BecameActive  Kind = "became-active"
	BecameStandby Kind = "became-standby"
	Claiming      Kind = "claiming"
	Preparing     Kind = "preparing"
	SawActive     Kind = "saw-active"
	Ready         Kind = "ready"
	NotReady      Kind = "not-ready"
	PeerUp        Kind = "peer-up"
	PeerDown      Kind = "peer-down"
	CheckIsUp     Kind = "check-up"
	CheckIsDown   Kind = "check-down"
	CheckUnrun    Kind = "check-unrun"
	Stalled       Kind = "stalled"
	Unstalled     Kind = "unstalled"
	DualSeen      Kind = "dual-seen"
	Repaired      Kind = "repaired"
	HoldFailed    Kind = "hold-failed"
	Refused       Kind = "refused"
	Raised        Kind = "raised"

	SessionUp      Kind = "session-up"
	SessionDown    Kind = "session-down"
	SessionRefused Kind = "session-refused"
	Routed         Kind = "routed"
	Damped         Kind = "damped"
	PathUp         Kind = "path-up"
	PathDown       Kind = "path-down"
	StoreDown      Kind = "store-down"
	StoreUp        Kind = "store-up"
	GotVote        Kind = "got-vote"
	LostVote       Kind = "lost-vote"
	Stretched      Kind = "stretched"
)

// The kinds that the engine adds: what was done about a change, and its own life.
const (
	Started         Kind = "started"
	Stopping        Kind = "stopping"
	Reloaded        Kind = "reloaded"
	Commanded       Kind = "commanded"
	InPlace         Kind = "in-place"
	Announcing      Kind = "announcing"
	OverlayRepaired Kind = "overlay-repaired"
	HookRan         Kind = "hook-ran"
	HookFailed      Kind = "hook-failed"
	Notified        Kind = "notified"
	NotifyFailed    Kind = "notify-failed"
	Lost            Kind = "lost"
)

// KindInfo describes a Kind for the documentation.
type KindInfo struct {
	Kind Kind
	Note core.NoteKind // 0 for the engine's own
	Text string
}

// Kinds lists every kind of event, in the order of the documentation.
var Kinds = []KindInfo{
	{BecameActive, core.BecameActive, "This node serves: the addresses are in place and the fence is open. `took_us` is how long it took from the cause."},
	{BecameStandby, core.BecameStandby, "This node serves no longer."},
	{Claiming, core.Claiming, "This node asks for the right to serve."},
	{Preparing, core.Preparing, "This node is the target of a switchover and puts the addresses in place behind a closed fence."},
	{SawActive, core.SawActive, "Another node (`peer`) became active."},
	{Ready, core.Ready, "This node could serve from now on."},
	{NotReady, core.NotReady, "This node could not serve from now on; `reason` says why."},
	{PeerUp, core.PeerUp, "A node is heard again."},
	{PeerDown, core.PeerDown, "A node was not heard for the detection time."},
	{CheckIsUp, core.CheckUp, "A check came up; `detail` names it."},
	{CheckIsDown, core.CheckDown, "A check went down; `detail` names it and says what was seen."},
	{CheckUnrun, core.CheckUnrun, "A check could not be run. That is not a failure of what it checks."},
	{Stalled, core.Stalled, "The fence closed because no renewal came in time. The role did not change."},
	{Unstalled, core.Unstalled, "The fence opened again without a change of role; `took_us` is how long it was closed."},
	{DualSeen, core.DualSeen, "Two nodes met that both were active; `took_us` is for how long both can have served."},
	{Repaired, core.Repaired, "An address that a stranger had removed was put back."},
	{HoldFailed, core.HoldFailed, "An address, hook or route could not be made as it is wanted. It is tried again."},
	{Refused, core.Refused, "An operator's command was refused; `reason` says why."},
	{Raised, core.Raised, "The voters agreed on a higher epoch. The role did not change."},
	{SessionUp, core.SessionUp, "A BGP session is established; `detail` names it."},
	{SessionDown, core.SessionDown, "A BGP session has ended; `reason` says why, `detail` names it and says what was heard or sent."},
	{SessionRefused, core.SessionRefused, "An attempt to establish a BGP session was refused, by the peer or by this node; `detail` names it and says why."},
	{Routed, core.Routed, "What is announced by BGP has changed: of a group, or, without one, to the session that `detail` names."},
	{Damped, core.Damped, "For `took_us` the node does not take the group over from one that serves, or announces it as a last choice (`election: none`), because another change was a short time ago."},
	{PathUp, core.PathUp, "A BFD session is up; `detail` names it."},
	{PathDown, core.PathDown, "A BFD session is not up any more; `detail` names it, `took_us` is how long nothing was heard."},
	{StoreDown, core.StoreDown, "The store of a group's lease cannot be reached, or holds something that is no lease; `detail` says what is wrong. The role does not change before the lease ends. Without a group: the same of the store that votes."},
	{StoreUp, core.StoreUp, "The store of a group's lease can be reached again; without a group, the store that votes."},
	{GotVote, core.GotVote, "The store that votes in elections among nodes stands by this node: the nodes alone made no majority for it."},
	{LostVote, core.LostVote, "The vote of the store is not this node's any more: it was given back, or could not be kept."},
	{Stretched, core.Stretched, "The lease could not be renewed, and goes on without the store (`on_store_loss`)."},
	{Started, 0, "The daemon runs. `detail` is its version."},
	{Stopping, 0, "The daemon was asked to end and releases what it holds."},
	{Reloaded, 0, "A changed configuration was applied; `detail` says what changed."},
	{Commanded, 0, "An operator's command was accepted; `detail` is the command."},
	{InPlace, core.InPlace, "The addresses of a group are where they are wanted."},
	{Announcing, core.Announcing, "Gratuitous ARP and unsolicited NA were sent for all addresses of a group, the first time after a change."},
	{OverlayRepaired, 0, "An overlay device, or an entry of it, was changed by a stranger and put back."},
	{HookRan, 0, "A hook ended well; `took_us` is how long it ran."},
	{HookFailed, 0, "A hook failed, or did not end in time."},
	{Notified, 0, "A mail or a webhook was delivered; `took_us` is how long after the change."},
	{NotifyFailed, 0, "A mail or a webhook could not be delivered, or was dropped; `detail` says which and why."},
	{Lost, 0, "The reader of this stream was too slow: `detail` says how many events it did not see. Never stored."},
}

// KindOf names a kind of note.
func KindOf(k core.NoteKind) Kind {
	for i := range Kinds {
		if Kinds[i].Note == k && k != 0 {
			return Kinds[i].Kind
		}
	}
	return "unknown"
}
