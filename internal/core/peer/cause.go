package peer

import "stead/internal/core/reason"

// Cause is a reason on the wire.
type Cause uint8

// causes maps a Cause to its reason. The order is part of the protocol.
var causes = [...]reason.Reason{
	reason.None, reason.PeerSilent, reason.PeerDeaf, reason.PeerResigned, reason.NobodyActive,
	reason.Switchover, reason.Preempted, reason.Drained, reason.CheckFailed, reason.LinkDown,
	reason.QuorumLost, reason.Superseded, reason.Late, reason.Stopping, reason.AddressFailed,
	reason.Reconfigured, reason.PriorityZero, reason.NoSession,
}

// causeOf returns the Cause of a reason; one without a number travels as none.
func causeOf(r reason.Reason) Cause {
	for i, known := range causes {
		if known == r {
			return Cause(i)
		}
	}
	return 0
}

// Reason returns the reason of a Cause; an unknown one is none.
func (c Cause) Reason() reason.Reason {
	if int(c) < len(causes) {
		return causes[c]
	}
	return reason.None
}
