package report

import "stead/internal/core/reason"

// ReasonInfo puts a reason into words. Text completes the sentence "it changed because ...".
type ReasonInfo struct {
	Reason reason.Reason
	Text   string
}

// Reasons lists every reason, in the order of the documentation.
var Reasons = []ReasonInfo{
	{reason.PeerSilent, "the active node was not heard for the detection time"},
	{reason.PeerDeaf, "the active node was heard but heard nobody"},
	{reason.PeerResigned, "the active node gave up at once"},
	{reason.NobodyActive, "no node was active when this one was ready"},
	{reason.Switchover, "an operator asked for a switchover"},
	{reason.Preempted, "a node with a higher priority was ready for the preemption delay"},
	{reason.Drained, "an operator drained the node"},
	{reason.SyncGroup, "a group that changes together with this one did, or is not ready"},
	{reason.HigherPriority, "a router with a higher priority advertises"},
	{reason.CheckFailed, "a fatal check is down"},
	{reason.LinkDown, "an interface of the group lost its carrier or went away"},
	{reason.QuorumLost, "no majority of the voters renewed the lease"},
	{reason.Superseded, "another node is active with a higher claim"},
	{reason.Late, "the node found itself later than its own lease"},
	{reason.Stopping, "the daemon ends"},
	{reason.AddressFailed, "the kernel refused an address"},
	{reason.Reconfigured, "the configuration of the group changed"},
	{reason.Panicked, "the daemon released because of a fault of its own"},
	{reason.CheckPassed, "the checks passed"},
	{reason.CheckUnknown, "a fatal check has had no result yet"},
	{reason.LinkUp, "the interfaces of the group are up"},
	{reason.Starting, "the start-up delay runs"},
	{reason.Resumed, "an operator let the node take part again"},
	{reason.PriorityZero, "the weights of the checks used the priority up"},
	{reason.NoSource, "the interface of the virtual router has no address to advertise from"},
	{reason.NoSession, "no BGP session is established over which the addresses could be announced"},
	{reason.LeaseExpired, "whoever had the lease in the store did not renew it"},
	{reason.Flatlined, "the other site has shown no sign of life for too long"},
	{reason.StoreLost, "the lease could not be renewed in the store in time"},
	{reason.Damping, "another change was a short time ago: the next one waits"},
	{reason.HoldTimeExpired, "the peer was not heard for the hold time"},
	{reason.BFDDown, "BFD finds the path to the other system down"},
	{reason.Notified, "one of the two ended the session and said why"},
	{reason.Disconnected, "the connection was lost"},
	{reason.LeaseStalled, "the fence closed because no renewal came in time"},
	{reason.LeaseRenewed, "the lease was renewed and the fence opened again"},
	{reason.PeerLost, "a node was not heard for the detection time"},
	{reason.PeerHeard, "a node is heard again"},
	{reason.DualActive, "two nodes met that both were active"},
	{reason.AddressTaken, "a stranger removed an address; it was put back"},
	{reason.HookFailed, "a hook failed"},
	{reason.NoSuccessor, "nobody else is ready to take over"},
	{reason.NotActive, "this node does not serve the group: the node that does can be asked"},
	{reason.NoElection, "there is no election: every ready node serves the group"},
	{reason.PriorityDecides, "VRRP leaves no choice of the successor among several: priorities decide"},
	{reason.SwitchoverLate, "the target was not ready in time; nothing changed"},
	{reason.OtherAlive, "the other site shows signs of life"},
	{reason.Watching, "the other site has not been watched for long enough"},
	{reason.NeverSeen, "the other site has never shown a sign of life"},
	{reason.Unreadable, "the heartbeat of the other site cannot be read"},
	{reason.Garbled, "what is read is no heartbeat"},
	{reason.Stale, "what is read is older than what was read before, or is on another file system"},
	{reason.NotWritten, "this site could not write its own heartbeat in time"},
	{reason.OpenedBlind, "nothing could be told of the other site for so long that the workload was started all the same"},
}

// ReasonText puts a reason into words; one that is not in the list is its own text.
func ReasonText(r reason.Reason) string {
	for i := range Reasons {
		if Reasons[i].Reason == r {
			return Reasons[i].Text
		}
	}
	return string(r)
}
