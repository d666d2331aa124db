// Package reason is the closed list of why a group changes. The same code
// appears in the event log, in metric labels, in status and in the documentation.
package reason

// Reason says why something changed. Its text is stable: scripts match on it.
type Reason string

// The reasons of a change of role, of readiness or of the fence.
const (
	None Reason = ""

	// Why a node became active.
	PeerSilent   Reason = "peer-silent"   // the active node was not heard for the detection time
	PeerDeaf     Reason = "peer-deaf"     // the active node is heard but hears nobody
	PeerResigned Reason = "peer-resigned" // the active node gave up at once
	NobodyActive Reason = "nobody-active" // no node was active when this one was ready
	Switchover   Reason = "switchover"    // an operator asked for it
	Preempted    Reason = "preempted"     // a node with a higher priority was ready for the preemption delay
	Drained      Reason = "drained"       // an operator drained the node

	SyncGroup Reason = "sync-group" // a group that changes together with this one did

	LeaseExpired Reason = "lease-expired" // whoever had the lease in the store did not renew it
	Flatlined    Reason = "flatlined"     // the other site has shown no sign of life for too long

	// Why a node is no longer active.
	StoreLost      Reason = "store-lost"      // the lease could not be renewed in the store in time
	HigherPriority Reason = "higher-priority" // a router with a higher priority advertises
	CheckFailed    Reason = "check-failed"    // a fatal check is down
	LinkDown       Reason = "link-down"       // an interface of the group lost its carrier or went away
	QuorumLost     Reason = "quorum-lost"     // no majority renewed the lease
	Superseded     Reason = "superseded"      // another node is active with a higher claim
	Late           Reason = "late"            // the node found itself later than its own lease
	Stopping       Reason = "stopping"        // the daemon ends
	AddressFailed  Reason = "address-failed"  // the kernel refused an address
	Reconfigured   Reason = "reconfigured"    // the group left the configuration or its members changed
	Panicked       Reason = "panicked"        // the daemon releases because of a fault of its own

	// Why a node is not ready, or became ready.
	CheckPassed  Reason = "check-passed"
	CheckUnknown Reason = "check-unknown" // a fatal check has had no result yet
	LinkUp       Reason = "link-up"
	Starting     Reason = "starting" // the start-up delay runs
	Resumed      Reason = "resumed"
	PriorityZero Reason = "priority-zero" // the weights of failed checks used the priority up

	NoSource Reason = "no-source-address" // the interface of the virtual router has no address to advertise from

	NoSession Reason = "no-session" // no BGP session is established over which the addresses could be announced
	Damping   Reason = "damping"    // another change was a short time ago: the next one waits

	// Why a BGP session has ended.
	HoldTimeExpired Reason = "hold-time-expired" // the peer was not heard for the hold time
	BFDDown         Reason = "bfd-down"          // BFD finds the path to the peer down
	Notified        Reason = "notified"          // the peer ended the session, or was told why it is ended
	Disconnected    Reason = "disconnected"      // the connection was lost

	// What happened beside a change of role.
	LeaseStalled    Reason = "lease-stalled"            // the fence closed because no renewal came in time
	LeaseRenewed    Reason = "lease-renewed"            // and opened again without a change of role
	PeerLost        Reason = "peer-lost"                // a node was not heard for the detection time
	PeerHeard       Reason = "peer-heard"               // a node is heard again
	DualActive      Reason = "dual-active"              // two nodes met that both were active
	AddressTaken    Reason = "address-removed-by-other" // a stranger removed an address; it was put back
	HookFailed      Reason = "hook-failed"
	NoSuccessor     Reason = "no-successor"     // a drain or a switchover finds nobody ready
	NotActive       Reason = "not-active"       // this node does not serve the group: ask the one that does
	NoElection      Reason = "no-election"      // every ready node serves the group: drain this one instead
	PriorityDecides Reason = "priority-decides" // VRRP leaves no choice of the successor
	SwitchoverLate  Reason = "switchover-late"  // the target was not ready in time; nothing changed

	// What is known of the other site.
	OtherAlive  Reason = "other-site-alive"      // the other site shows signs of life
	Watching    Reason = "not-watched-long"      // the other site has not been watched for long enough
	NeverSeen   Reason = "heartbeat-never-seen"  // the other site has never shown a sign of life
	Unreadable  Reason = "heartbeat-unreadable"  // the heartbeat of the other site cannot be read
	Garbled     Reason = "heartbeat-garbled"     // what is read is no heartbeat
	Stale       Reason = "heartbeat-stale"       // what is read is older than what was read before, or is on another file system
	NotWritten  Reason = "heartbeat-not-written" // this site could not write its own heartbeat in time
	OpenedBlind Reason = "cannot-tell-for-long"  // nothing could be told of the other site for so long that the workload was started all the same
)
