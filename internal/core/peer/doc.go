// Package peer is Stead's own election: authenticated heartbeats between every
// pair of nodes, leases that a majority of voters renews, and claims with
// epochs that only grow.
//
// # What a node promises
//
// A voter that has granted an epoch to a node promises to grant no higher one
// while it hears that node, and for the group's lease after. The node counts
// the same promise from the moment at which it sent what the voter heard, so
// its own count ends first: the voter's echo names the packet. A lease is the
// count that a majority of voters, the node itself included, still covers.
//
// # What keeps it true
//
//   - A vote is a record, records have versions, and a heartbeat names the
//     version of its sender's newest record. An echo counts only when every
//     record up to that version is known: no renewal slips in from a voter
//     that has meanwhile voted for another node.
//   - A voter that has restarted grants nothing for one lease, and nothing at
//     or below the epochs that it may have granted before.
//   - A node is believed only when it has echoed something that this run of
//     ours has sent after it first appeared: a recorded packet cannot do that.
//
// The machine has no clock, no socket and no randomness of its own.
package peer
