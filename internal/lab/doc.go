// Package lab is the trial on one machine: two servers and a client in a network
// without layer 2 or multicast, the real daemon on each, faults, and what a
// client that asks every millisecond saw of them.
//
// Everything lives in namespaces of its own (network, mount, process and, without
// root, user) below one process, the lab's init. When that process ends, however
// it ends, the kernel ends everything in them: no process, interface, mount or
// file is left. Contain starts it, Enter prepares it.
//
//	                fabric: the lab's init
//	to-primary ────────── routes ────────── to-secondary
//	    │          no bridge, no multicast         │
//	    │                   │                      │
//	eth1│10.0.1.10          │to-client         eth1│10.0.1.20
//	 primary                │                  secondary
//	                    eth1│10.0.1.4
//	                     client
//
// A World is that network. A Segment is the other one, in which the servers
// announce the address to two route servers, and the client's requests go through
// those, flow by flow through one of them:
//
//	primary   secondary   rs1       rs2       client
//	   │          │        │         │          │
//	───┴──────────┴────────┴─────────┴──────────┴───  switch
//
// Both know nothing of Stead. A Trial runs the daemons in a World and puts them
// through the faults. Results turn into text, JSON and HTML outside.
package lab
