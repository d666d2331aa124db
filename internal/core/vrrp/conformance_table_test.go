package vrrp

// requirement is a sentence of RFC 9568, errata included, and what Stead makes
// of it. Tests of this package stand by their name, others with their folder
// before a colon. Where Why is given the requirement is not met by Stead's own
// code, for that reason.
type requirement struct {
	Section, Level, Text string
	Tests                []string
	Why                  string
}

const (
	onTheWire    = "internal/adapter/vrrp:TestOnTheWire"
	whoAnswers   = "internal/adapter/vrrp:TestWhoAnswers"
	asksAsItself = "internal/adapter/vrrp:TestAsksAsItself"
	announces    = "internal/adapter/link:TestAnnounceFrames"
	atTheFence   = "internal/adapter/fence:TestIngressProgram"
)

// Why a requirement is left to others, or not followed.
const (
	plainMAC  = "With `virtual_mac: true` only ([why](#the-virtual-mac-address))."
	noForward = "Left to the kernel, which does not forward a datagram for a group of the link."
	noRA      = "Left to others ([why](#router-advertisements))."
	noProxy   = "Stead does no proxy ARP."
	noDual    = "A virtual router speaks one version."
	operator  = "A choice of the operator; the documentation recommends it."
	byKernel  = "Left to the kernel."
)

// requirements are the sentences of sections 5 to 8 with a keyword of BCP 14, and
// the rules of the state machine, in the order of the RFC.
var requirements = []requirement{
	{"5.1.1.1", "rule", "The source address of the IPv4 packet is the primary address of the interface.", []string{"TestRFC9568_7_2_SourceAndDestination", "internal/adapter/vrrp:TestSourceFollowsAddresses"}, ""},
	{"5.1.1.2", "MUST NOT", "Routers MUST NOT forward a datagram with this destination address, regardless of its TTL.", nil, noForward},
	{"5.1.1.3", "MUST", "The TTL MUST be set to 255.", []string{"TestRFC9568_5_1_1_3_TTLOf255", onTheWire}, ""},
	{"5.1.1.3", "MUST", "A VRRP Router receiving a packet with the TTL not equal to 255 MUST discard the packet. `min_ttl` lowers that for unicast through routers.", []string{"TestRFC9568_5_1_1_3_TTLOf255"}, ""},
	{"5.1.1.4", "rule", "The IPv4 protocol number for VRRP is 112.", []string{onTheWire}, ""},
	{"5.1.2.1", "rule", "The source address of the IPv6 packet is the link-local address of the interface.", []string{"internal/adapter/vrrp:TestSourceIPv6"}, ""},
	{"5.1.2.2", "MUST NOT", "Routers MUST NOT forward a datagram with this destination address, regardless of its Hop Limit.", nil, noForward},
	{"5.1.2.3", "MUST", "The Hop Limit MUST be set to 255; a VRRP Router receiving a packet with the Hop Limit not equal to 255 MUST discard the packet.", []string{"TestRFC9568_5_1_2_3_HopLimitOf255", onTheWire}, ""},
	{"5.2.2", "MUST", "A packet with unknown type MUST be discarded.", []string{"TestRFC9568_5_2_2_UnknownTypeIsDiscarded"}, ""},
	{"5.2.4", "MUST", "The priority value for the VRRP Router that owns the address MUST be 255; VRRP Routers backing up MUST use priority values between 1 and 254.", []string{"TestRFC9568_5_2_4_PriorityValues", "TestRFC9568_5_2_4_PriorityIsCarried"}, ""},
	{"5.2.5", "MUST", "If the received count is 0, the VRRP advertisement MUST be ignored.", []string{"TestRFC9568_5_2_5_AddressCount"}, ""},
	{"5.2.6", "MUST", "The Reserve field MUST be set to zero on transmission and ignored on reception.", []string{"TestRFC9568_5_2_6_ReservedBits"}, ""},
	{"5.2.7", "rule", "Max Advertise Interval is a 12-bit field in centiseconds; Backup Routers learn it from the Active Router.", []string{"TestRFC9568_5_2_7_MaxAdvertiseInterval", "TestRFC9568_5_2_7_MixedIntervals"}, ""},
	{"5.2.8", "rule", "For IPv4, the checksum only includes the VRRP message. The form with a pseudo-header, which RFC 5798 was read to ask for, is accepted too. `checksum: auto` sends that form until another router is heard, because keepalived and FRR take no other by default; `checksum: message` sends the form of the RFC.", []string{"TestRFC9568_5_2_8_ChecksumIPv4", "TestRFC9568_5_2_8_ChecksumIPv4OfRFC5798"}, ""},
	{"5.2.8", "rule", "For IPv6, the checksum also includes a prepended pseudo-header.", []string{"TestRFC9568_5_2_8_ChecksumIPv6", "TestRFC9568_5_2_8_ChecksumIPv6OfUnicast"}, ""},
	{"5.2.9", "MUST", "For IPv6, the first address MUST be the link-local address associated with the Virtual Router.", []string{"TestRFC9568_5_2_9_AddressesInOrder", "internal/config:TestVirtualRouterWarnings"}, ""},
	{"5.2.9", "MUST", "The address family of the addresses MUST be the same as that of the IP header.", []string{"TestRFC9568_5_2_9_FamilyOfTheHeader"}, ""},
	{"6.1", "rule", "Active_Adver_Interval is initially Advertisement_Interval, then that of the Active Router.", []string{"TestRFC9568_6_1_ActiveAdverInterval"}, ""},
	{"6.1", "rule", "Skew_Time is ((256 - Priority) * Active_Adver_Interval) / 256. Stead counts in nanoseconds.", []string{"TestRFC9568_6_1_SkewTime"}, ""},
	{"6.1", "rule", "Active_Down_Interval is (3 * Active_Adver_Interval) + Skew_Time. `down_adverts` may be another number than 3.", []string{"TestRFC9568_6_1_ActiveDownInterval"}, ""},
	{"6.1", "rule", "Preempt_Mode; the owner of the address always preempts.", []string{"TestRFC9568_6_1_PreemptMode", "TestRFC9568_6_1_OwnerAlwaysPreempts"}, ""},
	{"6.1", "rule", "Accept_Mode; the default is False.", nil, "The default of `accept` is true: an address that a load balancer serves has to accept packets. False is there for routers; see section 6.4.3."},
	{"6.1", "MUST NOT", "IPv6 Neighbor Solicitations and Neighbor Advertisements MUST NOT be dropped when Accept_Mode is False.", []string{"TestRFC9568_6_4_3_AcceptMode", atTheFence}, ""},
	{"6.1", "rule", "Virtual_Router_MAC_Address is the source of advertisements and in ARP responses.", []string{"internal/adapter/vrrp:TestVirtualMAC", whoAnswers}, plainMAC},
	{"6.4.1", "rule", "Initialize waits for a Startup event.", []string{"TestRFC9568_6_4_1_InitializeWaits"}, ""},
	{"6.4.1", "rule", "Startup with priority 255: send an ADVERTISEMENT, set the Adver_Timer, transition to Active.", []string{"TestRFC9568_6_4_1_OwnerStartsActive"}, ""},
	{"6.4.1", "rule", "Startup otherwise: set Active_Adver_Interval and the Active_Down_Timer, transition to Backup.", []string{"TestRFC9568_6_4_1_OthersStartBackup"}, ""},
	{"6.4.2", "MUST NOT", "Backup: it MUST NOT respond to ARP requests or ND Neighbor Solicitations for the addresses.", []string{"TestRFC9568_6_4_2_NeitherAnswersNorAccepts", atTheFence}, ""},
	{"6.4.2", "MUST NOT", "Backup: it MUST NOT send ND Router Advertisements for the Virtual Router.", nil, noRA},
	{"6.4.2", "MUST", "Backup: it MUST discard packets with a destination MAC equal to the Virtual Router MAC.", []string{atTheFence}, "Packets to the addresses are discarded. Whether others are forwarded is left to the kernel."},
	{"6.4.2", "MUST NOT", "Backup: it MUST NOT accept packets addressed to the addresses.", []string{"TestRFC9568_6_4_2_NeitherAnswersNorAccepts", atTheFence}, ""},
	{"6.4.2", "rule", "Backup, Shutdown: cancel the Active_Down_Timer, transition to Initialize.", []string{"TestRFC9568_6_4_2_Shutdown"}, ""},
	{"6.4.2", "rule", "Backup, Active_Down_Timer: send an ADVERTISEMENT, set the Adver_Timer, transition to Active.", []string{"TestRFC9568_6_4_2_ActiveDownTimer"}, ""},
	{"6.4.2", "rule", "Backup, Active_Down_Timer: broadcast gratuitous ARP, or send unsolicited Neighbor Advertisements with R and O set and S clear. R is set when the host forwards.", []string{announces}, ""},
	{"6.4.2", "rule", "Backup, priority 0: set the Active_Down_Timer to Skew_Time. A second one does not put it off.", []string{"TestRFC9568_6_4_2_PriorityZero", "TestRepeatedPriorityZeroDoesNotPutOff"}, ""},
	{"6.4.2", "rule", "Backup, greater or equal priority, or Preempt_Mode False: adopt the interval, recompute, set the Active_Down_Timer.", []string{"TestRFC9568_6_4_2_GreaterOrEqual", "TestRFC9568_6_4_2_NoPreempt"}, ""},
	{"6.4.2", "rule", "Backup, lower priority and Preempt_Mode True: discard the ADVERTISEMENT.", []string{"TestRFC9568_6_4_2_LowerIsDiscarded"}, ""},
	{"6.4.3", "MUST", "Active: it MUST respond to ARP requests for the IPv4 addresses.", []string{"TestRFC9568_6_4_3_Answers", atTheFence, whoAnswers}, ""},
	{"6.4.3", "MUST", "Active: it MUST be a member of the Solicited-Node multicast address for the IPv6 addresses.", nil, "Left to the kernel, which joins it with the address."},
	{"6.4.3", "MUST", "Active: it MUST respond to ND Neighbor Solicitations (with R set) for the IPv6 addresses.", []string{"TestRFC9568_6_4_3_Answers", whoAnswers}, "The kernel answers while the fence is open; it sets R when the host forwards."},
	{"6.4.3", "MUST", "Active: it MUST send ND Router Advertisements for the Virtual Router.", nil, noRA},
	{"6.4.3", "MUST", "Active: it MUST forward packets with a destination MAC equal to the Virtual Router MAC.", nil, "Left to the kernel: a router has forwarding on, a load balancer need not."},
	{"6.4.3", "MUST", "Active: it MUST accept packets addressed to the addresses if it is their owner or if Accept_Mode is True. Otherwise, it MUST NOT.", []string{"TestRFC9568_6_4_3_AcceptMode", "TestSlotFollowsPriority", atTheFence}, ""},
	{"6.4.3", "rule", "Active, Shutdown: cancel the Adver_Timer, send an ADVERTISEMENT with priority 0, transition to Initialize. The address is silent before that is sent; a planned stop hands over first.", []string{"TestRFC9568_6_4_3_Shutdown", "TestYieldServesUntilAnotherIsHeard"}, ""},
	{"6.4.3", "rule", "Active, Adver_Timer: send an ADVERTISEMENT, reset the timer.", []string{"TestRFC9568_6_4_3_AdverTimer"}, ""},
	{"6.4.3", "rule", "Active, priority 0: send an ADVERTISEMENT, reset the Adver_Timer. Not while this router itself sends priority 0.", []string{"TestRFC9568_6_4_3_PriorityZero", "TestTwoYieldDoNotStorm"}, ""},
	{"6.4.3", "rule", "Active, greater priority, or equal and greater address: adopt the interval, set the Active_Down_Timer, transition to Backup. Stead sends one more ADVERTISEMENT then, behind the closed fence, so that the other router announces again to clients that have learned this one.", []string{"TestRFC9568_6_4_3_GreaterPriority", "TestRFC9568_6_4_3_EqualPriority"}, ""},
	{"6.4.3", "rule", "Active, otherwise: discard the ADVERTISEMENT and send one immediately.", []string{"TestRFC9568_6_4_3_LowerPriority", "TestHealedIsLimited"}, ""},
	{"7.1", "MUST", "It MUST verify that the VRRP version is 3. With `version: 2` it is 2.", []string{"TestRFC9568_7_1_Version"}, ""},
	{"7.1", "MUST", "It MUST verify that the VRRP packet type is 1 (ADVERTISEMENT).", []string{"TestRFC9568_7_1_Type"}, ""},
	{"7.1", "MUST", "It MUST verify that the received packet contains the complete VRRP packet.", []string{"TestRFC9568_7_1_CompletePacket"}, ""},
	{"7.1", "MUST", "It MUST verify the VRRP checksum.", []string{"TestRFC9568_7_1_Checksum"}, ""},
	{"7.1", "MUST", "It MUST verify that the VRID is configured on the receiving interface.", []string{"TestRFC9568_7_1_VRID", "internal/adapter/vrrp:TestSameVRIDOnTwoInterfaces"}, ""},
	{"7.1", "MUST", "It MUST verify that the Max Advertise Interval is not zero.", []string{"TestRFC9568_7_1_IntervalIsNotZero"}, ""},
	{"7.1", "SHOULD", "It SHOULD verify that the local router is not the owner (priority 255), and log the event. Another router beside an active owner is told as dual-seen.", []string{"TestRFC9568_8_3_2_TwoOwners", "TestRFC9568_6_4_3_LowerPriority"}, ""},
	{"7.1", "MUST", "If any one of the above checks fails, the receiver MUST discard the packet and SHOULD log the event. It is counted by reason.", []string{"TestRFC9568_7_1_RefusedPacketChangesNothing"}, ""},
	{"7.1", "SHOULD", "A receiver SHOULD verify that the Max Advertise Interval matches the configured one, and log the event. It is counted.", []string{"TestRFC9568_7_1_OtherIntervalIsCounted"}, ""},
	{"7.1", "MAY", "A receiver MAY verify that the list of addresses matches those configured, and SHOULD log the event. It is counted.", []string{"TestRFC9568_7_1_OtherAddressesAreCounted"}, ""},
	{"7.2", "MUST", "Fill in the fields, compute the checksum.", []string{"TestRFC9568_7_2_Transmit"}, ""},
	{"7.2", "MUST", "Set the source MAC address to the Virtual Router MAC address.", []string{"internal/adapter/vrrp:TestVirtualMAC"}, plainMAC},
	{"7.2", "MUST", "Set the source address to the interface's primary (IPv6: link-local) address, send to the VRRP multicast group. Unicast goes to each peer.", []string{"TestRFC9568_7_2_SourceAndDestination", onTheWire}, ""},
	{"7.3", "rule", "The Virtual Router MAC address is 00-00-5E-00-01-{VRID}, for IPv6 00-00-5E-00-02-{VRID}.", []string{"internal/adapter/vrrp:TestVirtualMAC"}, plainMAC},
	{"7.4", "MUST NOT", "The Virtual Router MAC MUST NOT be used for the Net_Iface parameter in the derivation of Interface Identifiers. The device with the virtual MAC derives none.", []string{"internal/adapter/vrrp:TestDeviceLifeCycle"}, ""},
	{"8.1.1", "SHOULD", "The source address of an ICMP redirect should be the address that the host used for its next hop (IPv6: section 8.2.1).", nil, byKernel},
	{"8.1.2", "MUST NOT", "The Active Router MUST NOT respond with its physical MAC address in the ARP response (IPv6: section 8.2.2).", []string{whoAnswers}, plainMAC},
	{"8.1.2", "MUST", "The Active Router MUST respond to an ARP request with the Virtual Router MAC address (IPv6: section 8.2.2).", []string{whoAnswers}, plainMAC},
	{"8.1.2", "MUST", "At system boot gratuitous ARP MUST be delayed until both the address and the Virtual Router MAC address are configured (IPv6: section 8.2.2). It is sent when the address is in place.", []string{announces}, ""},
	{"8.1.2", "SHOULD NOT", "When a router boots, it SHOULD NOT send ARP messages with its physical MAC address for an address that it owns.", []string{asksAsItself}, plainMAC},
	{"8.1.2", "SHOULD", "When configuring an interface, Active Routers SHOULD broadcast a gratuitous ARP for each address on that interface.", []string{announces}, ""},
	{"8.1.3", "MUST", "If Proxy ARP is to be used, the router MUST advertise the Virtual Router MAC address in the Proxy ARP message.", nil, noProxy},
	{"8.2.2", "MUST", "When an Active Router sends an ND Neighbor Solicitation, it MUST include the Virtual Router MAC address if it sends a source link-layer address option, and MUST NOT use its physical one.", []string{asksAsItself}, plainMAC},
	{"8.2.2", "SHOULD NOT", "When a router boots, it SHOULD NOT send ND messages with its physical MAC address for an address that it owns.", []string{asksAsItself}, plainMAC},
	{"8.2.2", "SHOULD", "Active Routers SHOULD send an unsolicited Neighbor Advertisement for the address on an interface that is configured.", []string{announces}, ""},
	{"8.2.3", "MUST", "The Backup Routers MUST be configured to send the same Router Advertisement options as the owner.", nil, noRA},
	{"8.2.3", "SHOULD NOT", "Options that advertise special services SHOULD NOT be sent unless the Backup Routers can assume them.", nil, noRA},
	{"8.2.4", "SHOULD", "A router SHOULD accept Unsolicited Neighbor Advertisements and update the neighbor cache.", nil, byKernel},
	{"8.3.1", "SHOULD NOT", "If it is not the owner, a router SHOULD NOT forward packets addressed to the address for which it becomes active.", []string{atTheFence}, ""},
	{"8.3.2", "SHOULD", "Only a single router on the link SHOULD be configured with priority 255.", nil, operator},
	{"8.3.2", "SHOULD", "If multiple routers advertising priority 255 are detected, the condition SHOULD be logged.", []string{"TestRFC9568_8_3_2_TwoOwners"}, ""},
	{"8.3.2", "SHOULD", "All routers SHOULD be configured with sufficiently different priorities.", []string{"TestRFC9568_8_3_2_HigherPriorityIsSooner"}, operator},
	{"8.4.2", "MUST", "A router configured to send both versions MUST send both at the configured rate; MUST time out by the rate of the Active Router; MUST translate seconds.", nil, noDual},
	{"8.4.2", "SHOULD", "A Backup SHOULD ignore VRRPv2 advertisements of the Active Router if it also receives VRRPv3 packets from it. Packets of the other version are refused.", []string{"TestRFC9568_7_1_Version"}, ""},
}
