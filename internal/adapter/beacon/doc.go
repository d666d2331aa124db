// Package beacon carries heartbeats between two sites over the network: UDP
// datagrams over one or several paths, authenticated with the key of both sites.
//
// A heartbeat counts once, when it is authentic and fresh. Fresh means that the
// sender has heard from us within the last periods: each datagram carries a random
// number of its sender (the nonce), which changes every period, and gives back those
// that it has heard. So nothing that was recorded before counts, whoever sends it
// again and whenever, and no two clocks are compared. A site that has just been
// started counts when it has heard us and we have heard that.
//
// A datagram that is lost is made up for by those that follow: a heartbeat is sent
// again for two periods. One path that works in each direction is enough, and it
// need not be the same one.
//
// What counts at t was told to Beat after t minus five periods.
//
// The other way round, each site learns which of its heartbeats have counted there.
package beacon
