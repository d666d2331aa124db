// Package metrics tells Prometheus what a status and the events say.
//
// A scrape reads the engine's last snapshot: it asks the engine nothing. What is
// counted from events is counted as they are logged, so that none is missed.
// The table below is the only place where a metric is named: the collector and
// docs/reference/metrics.md are made of it.
package metrics

//go:generate go test . -run TestPage -update

import "github.com/prometheus/client_golang/prometheus"

// Type is the type of a metric.
type Type string

// The types of metrics.
const (
	Gauge     Type = "gauge"
	Counter   Type = "counter"
	Histogram Type = "histogram"
)

// Info describes a metric.
type Info struct {
	Name   string
	Type   Type
	Labels []string
	Help   string
}

func (i *Info) desc() *prometheus.Desc {
	return prometheus.NewDesc(i.Name, i.Help, i.Labels, nil)
}

// The metrics.
var (
	groupActive   = Info{"stead_group_active", Gauge, []string{"group"}, "1 while this node is active for the group, fence open, else 0. Summed over the nodes it is 1, with election none as many as serve."}
	groupReady    = Info{"stead_group_ready", Gauge, []string{"group"}, "1 while this node could serve the group."}
	groupSpares   = Info{"stead_group_spare_nodes", Gauge, []string{"group"}, "Members beside the active one that are heard and ready: 0 means that nobody could take over. Not with vrrp, lease and none, where nothing is heard of them."}
	groupPriority = Info{"stead_group_priority", Gauge, []string{"group"}, "Priority of this node in the group, with the weights of the checks."}
	groupDraining = Info{"stead_group_draining", Gauge, []string{"group"}, "1 while this node is drained."}
	groupStalled  = Info{"stead_group_stalled", Gauge, []string{"group"}, "1 while this node is active but its fence is closed for want of a renewal."}
	epoch         = Info{"stead_epoch", Gauge, []string{"group"}, "Epoch of the last activation that this node knows of. It never falls."}
	wantApplied   = Info{"stead_want_applied", Gauge, []string{"group"}, "1 while the addresses of the group are where they are wanted."}
	checkUp       = Info{"stead_check_up", Gauge, []string{"group", "check"}, "1 while the check is up, 0 while it is down. A check without a result has no value."}

	routerState      = Info{"stead_vrrp_state", Gauge, []string{"group", "state"}, "1 for the state of the group's virtual router: initialize, backup or active."}
	routerPriority   = Info{"stead_vrrp_priority", Gauge, []string{"group"}, "Priority that the virtual router advertises."}
	routerSent       = Info{"stead_vrrp_advertisements_sent_total", Counter, []string{"group"}, "VRRP advertisements sent."}
	routerReceived   = Info{"stead_vrrp_advertisements_received_total", Counter, []string{"group"}, "VRRP advertisements received and believed."}
	routerRefused    = Info{"stead_vrrp_advertisements_refused_total", Counter, []string{"group", "cause"}, "VRRP advertisements that changed nothing, by what was wrong with them."}
	routerZero       = Info{"stead_vrrp_priority_zero_total", Counter, []string{"group", "direction"}, "VRRP advertisements with priority 0: sent or received."}
	routerMismatches = Info{"stead_vrrp_mismatches_total", Counter, []string{"group", "what"}, "VRRP advertisements that were believed although they differ from the configuration: checksum, addresses or interval."}
	routerStrangers  = Info{"stead_vrrp_strangers_total", Counter, nil, "VRRP advertisements of virtual routers that this node does not take part in. It has no value without virtual routers, nor has the next."}
	routerFailures   = Info{"stead_vrrp_send_failures_total", Counter, []string{"cause"}, "VRRP advertisements that were not sent, to each receiver of its own: no-interface, unreachable, no-buffer, refused (by a packet filter) or other."}
	routerRepairs    = Info{"stead_vrrp_device_repairs_total", Counter, []string{"group"}, "Times the device of the virtual MAC was put right after others had changed it."}

	leaseHeld      = Info{"stead_lease_held", Gauge, []string{"group"}, "1 while this node has the group's lease. It has no value for a group that no lease decides, nor have the next three."}
	leaseEpoch     = Info{"stead_lease_epoch", Gauge, []string{"group"}, "Epoch of the lease as this node has read it last. It has no value while there is no readable lease."}
	leaseRemaining = Info{"stead_lease_remaining_seconds", Gauge, []string{"group"}, "For how long this node may still rely on the lease without a renewal; 0 where it has not got it."}
	leaseChanged   = Info{"stead_lease_changed_seconds", Gauge, []string{"group"}, "How long ago this node saw the lease change. More than the TTL: its holder is gone, or the store is not read."}
	voteHeld       = Info{"stead_vote_held", Gauge, []string{"store"}, "1 while the store that votes in elections among nodes stands by this node. It has no value where none votes."}
	storeUp        = Info{"stead_store_up", Gauge, []string{"store", "group"}, "1 while the store answers for the lease of the group; without a group for its vote."}
	storeReadable  = Info{"stead_store_readable", Gauge, []string{"store", "group"}, "0 while what is in the place of the lease, or of the vote, is no such record."}
	storeDone      = Info{"stead_store_operations_total", Counter, []string{"store", "group", "kind", "outcome"}, "Operations on the lease of a group, without a group on the vote: kind is read or write, outcome is done, conflict (another node has written) or failed."}
	storeLast      = Info{"stead_store_operation_last_seconds", Gauge, []string{"store", "group"}, "How long the last operation took that has not failed. It has no value before one, nor has the next."}
	storeMax       = Info{"stead_store_operation_max_seconds", Gauge, []string{"store", "group"}, "How long the longest of those took since the start."}

	groupAnnounced = Info{"stead_group_announced", Gauge, []string{"group"}, "1 while paths of the group are announced by BGP. It has no value for a group without."}
	groupPrepend   = Info{"stead_group_prepend", Gauge, []string{"group"}, "How often the local AS is prepended in the paths of the group. It has no value while nothing is announced."}

	bgpUp        = Info{"stead_bgp_session_up", Gauge, []string{"session"}, "1 while the BGP session is established."}
	bgpState     = Info{"stead_bgp_session_state", Gauge, []string{"session", "state"}, "1 for the state of the BGP session, as RFC 4271 names it: Idle, Connect, Active, OpenSent, OpenConfirm or Established."}
	bgpFlaps     = Info{"stead_bgp_session_flaps_total", Counter, []string{"session"}, "Times an established BGP session has ended."}
	bgpAttempts  = Info{"stead_bgp_connects_total", Counter, []string{"session"}, "Connections to the peer that were asked for."}
	bgpMessages  = Info{"stead_bgp_messages_total", Counter, []string{"session", "direction"}, "BGP messages: sent or received."}
	bgpAnnounced = Info{"stead_bgp_announced_paths", Gauge, []string{"session"}, "Paths that are announced over the BGP session."}

	bfdUp        = Info{"stead_bfd_session_up", Gauge, []string{"session"}, "1 while the BFD session is up."}
	bfdState     = Info{"stead_bfd_session_state", Gauge, []string{"session", "state"}, "1 for the state of the BFD session, as RFC 5880 names it: AdminDown, Down, Init or Up."}
	bfdDowns     = Info{"stead_bfd_session_downs_total", Counter, []string{"session"}, "Times the BFD session was up and is no longer."}
	bfdPackets   = Info{"stead_bfd_packets_total", Counter, []string{"session", "direction"}, "BFD Control packets: sent or received."}
	bfdRefused   = Info{"stead_bfd_packets_refused_total", Counter, []string{"session"}, "BFD Control packets that were not accepted."}
	bfdDetection = Info{"stead_bfd_detection_time_seconds", Gauge, []string{"session"}, "Detection Time: silence that ends the BFD session. It has no value while nothing is expected."}
	bfdGap       = Info{"stead_bfd_max_gap_seconds", Gauge, []string{"session"}, "The longest time between two packets while the BFD session was up."}

	peerAlive     = Info{"stead_peer_alive", Gauge, []string{"peer"}, "1 while the node is heard."}
	peerRTT       = Info{"stead_peer_rtt_seconds", Gauge, []string{"peer"}, "Round-trip time to the node. It has no value before one was measured."}
	peerLastSeen  = Info{"stead_peer_last_seen_timestamp_seconds", Gauge, []string{"peer"}, "When the node was last heard. It has no value before that."}
	peerLoss      = Info{"stead_peer_loss_ratio", Gauge, []string{"peer"}, "Share of the node's recent heartbeats that did not arrive."}
	peerPathAlive = Info{"stead_peer_path_alive", Gauge, []string{"peer", "address"}, "1 while the node is heard over this path and hears us over it."}

	overlayOK      = Info{"stead_overlay_ok", Gauge, []string{"overlay"}, "1 while the overlay device is as configured."}
	overlayRepairs = Info{"stead_overlay_repairs_total", Counter, []string{"overlay"}, "Times the overlay, or an entry of it, was put back after a stranger had changed it."}
	addressRepairs = Info{"stead_address_repairs_total", Counter, nil, "Times an address was put back after a stranger had removed it."}
	announcements  = Info{"stead_announcements_total", Counter, nil, "Gratuitous ARP and unsolicited NA frames sent."}

	fence       = Info{"stead_fence", Gauge, []string{"kind"}, "1 for the fence in force: kernel, guard or none."}
	leaseStalls = Info{"stead_lease_stalls_total", Counter, nil, "Times the fence closed and opened again without a change of role: renewals came late."}

	heartbeatsSent     = Info{"stead_heartbeats_sent_total", Counter, nil, "Heartbeats sent, over all paths."}
	heartbeatsReceived = Info{"stead_heartbeats_received_total", Counter, nil, "Heartbeats received and believed."}
	packetsRejected    = Info{"stead_packets_rejected_total", Counter, []string{"cause"}, "Packets that changed nothing, by what was wrong with them."}

	notifications = Info{"stead_notifications_total", Counter, []string{"kind", "name", "outcome"}, "Changes told by kind (email, webhook, or hook with the group as name); outcome is sent, failed, dropped or lost."}
	notifyWaiting = Info{"stead_notifications_waiting", Gauge, []string{"kind", "name"}, "Changes that wait to be delivered."}
	logDropped    = Info{"stead_log_dropped_total", Counter, nil, "Log records that whoever takes the log did not take in time."}

	loopSteps    = Info{"stead_loop_steps_total", Counter, nil, "Steps of the engine."}
	loopLate     = Info{"stead_loop_late_seconds", Histogram, nil, "How late the engine met its deadlines."}
	loopLateMax  = Info{"stead_loop_late_max_seconds", Gauge, nil, "The largest such lateness since the start."}
	realtime     = Info{"stead_realtime", Gauge, nil, "1 while the engine runs with real-time priority."}
	snapshotTime = Info{"stead_snapshot_timestamp_seconds", Gauge, nil, "When the engine last said how things are. All values above are as of then; if it stands still, the engine does."}
	buildInfo    = Info{"stead_build_info", Gauge, []string{"version", "commit", "goversion"}, "1, with the build as labels."}

	transitions = Info{"stead_transitions_total", Counter, []string{"group", "to", "reason"}, "Changes of this node's role: to is active or standby; reason is one of docs/reference/events.md."}
	takeover    = Info{"stead_takeover_seconds", Histogram, []string{"group"}, "From the cause to the open fence, when this node became active."}
	dualActive  = Info{"stead_dual_active_seconds_total", Counter, []string{"group"}, "Time that this node and another both served, as measured when they met. With quorum it stays 0."}
	events      = Info{"stead_events_total", Counter, []string{"kind"}, "Events logged; the kinds are in docs/reference/events.md."}
)

// Table lists every metric of Stead's own, in the order of the documentation.
// Those of the Go runtime and of the process stand beside them.
var Table = []*Info{
	&groupActive, &groupReady, &groupSpares, &groupPriority, &groupDraining, &groupStalled, &epoch, &wantApplied, &checkUp,
	&routerState, &routerPriority, &routerSent, &routerReceived, &routerRefused, &routerZero, &routerMismatches,
	&routerRepairs, &routerStrangers, &routerFailures,
	&leaseHeld, &leaseEpoch, &leaseRemaining, &leaseChanged, &voteHeld, &storeUp, &storeReadable, &storeDone, &storeLast, &storeMax,
	&groupAnnounced, &groupPrepend,
	&bgpUp, &bgpState, &bgpFlaps, &bgpAttempts, &bgpMessages, &bgpAnnounced,
	&bfdUp, &bfdState, &bfdDowns, &bfdPackets, &bfdRefused, &bfdDetection, &bfdGap,
	&transitions, &takeover, &dualActive,
	&fence, &leaseStalls,
	&peerAlive, &peerRTT, &peerLastSeen, &peerLoss, &peerPathAlive,
	&overlayOK, &overlayRepairs, &addressRepairs, &announcements,
	&heartbeatsSent, &heartbeatsReceived, &packetsRejected,
	&notifications, &notifyWaiting, &logDropped,
	&loopSteps, &loopLate, &loopLateMax, &realtime, &snapshotTime,
	&events, &buildInfo,
}
