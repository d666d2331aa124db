package bfd

// requirement is a sentence of an RFC of BFD, and what Stead makes of it. Tests of
// this package stand by their name, others with their folder before a colon. Where
// Why is given the requirement is not met by this package, for that reason.
type requirement struct {
	RFC, Section, Level, Text string
	Tests                     []string
	Why                       string
}

// Why a requirement is left to others, or does not apply.
const (
	noEcho    = "Stead neither sends nor loops echo packets, and says so in Required Min Echo RX Interval."
	noDemand  = "Stead does not ask for Demand mode."
	noOld     = "Simple passwords and MD5 are not supported; only SHA1 has to be."
	operator  = "A choice of the operator."
	byOwner   = "Left to the core, which numbers its sessions and finds them."
	byReader  = "Left to the reader of the configuration."
	forwarder = "Stead has no forwarding plane of its own, and concatenates no paths."
)

const (
	onTheWire = "internal/adapter/bfd:TestOnTheWire"
	singleHop = "internal/adapter/bfd:TestSingleHop"
	multihop  = "internal/adapter/bfd:TestMultihop"
	strangers = "internal/adapter/bfd:TestStrangers"
)

func shows(tests ...string) []string { return tests }

// requirements are the sentences with a keyword of BCP 14, and the rules of the
// state machine, in the order of the RFCs.
var requirements = []requirement{
	{"5880", "4.1", "rule", "The format of the mandatory section; the version is 1.", shows("TestRFC5880_4_1_WhatIsSent", "TestCapturesAreWrittenAgain"), ""},
	{"5880", "4.1", "MUST", "The Multipoint bit MUST be zero on both transmit and receipt.", shows("TestRFC5880_4_1_WhatIsSent", "TestRFC5880_6_8_6_Checks"), ""},
	{"5880", "4.2", "MUST", "Simple Password: from 1 to 16 bytes.", nil, noOld},
	{"5880", "4.3", "rule", "Keyed MD5 and Meticulous Keyed MD5.", nil, noOld},
	{"5880", "4.4", "MUST", "The reserved byte of the SHA1 section MUST be set to zero on transmit and ignored on receipt.", shows("TestRFC5880_6_7_4_WhatIsSent"), ""},
	{"5880", "4.4", "rule", "The key ID allows multiple keys to be active simultaneously.", shows("TestRFC5880_4_4_SeveralKeys"), ""},
	{"5880", "5", "SHOULD", "Some form of authentication SHOULD be included in echo packets.", nil, noEcho},
	{"5880", "6.1", "MUST", "A system taking the Active role MUST send BFD Control packets, regardless of whether it has received any.", shows("TestRFC5880_6_1_ActiveSendsFirst"), ""},
	{"5880", "6.1", "MUST NOT", "A system taking the Passive role MUST NOT begin sending BFD packets until it has received one.", shows("TestRFC5880_6_1_PassiveWaits"), ""},
	{"5880", "6.1", "MUST", "At least one system MUST take the Active role.", nil, operator},
	{"5880", "6.2", "rule", "The state machine.", shows("TestRFC5880_6_2_StateMachine", "FuzzSession"), ""},
	{"5880", "6.2", "rule", "A session that went Down does not come up before the other system has left Up.", shows("TestRFC5880_6_2_ThreeWayHandshakeToTearDown"), ""},
	{"5880", "6.3", "MUST", "Each system MUST choose a discriminator that is unique among all its sessions.", nil, byOwner},
	{"5880", "6.3", "rule", "The discriminator of the remote system is echoed.", shows("TestRFC5880_6_3_DiscriminatorIsEchoed"), ""},
	{"5880", "6.3", "MAY", "A system may change its discriminator without affecting the state. Stead keeps its own.", shows("TestRFC5880_6_3_RemoteDiscriminatorMayChange"), ""},
	{"5880", "6.4", "SHOULD", "A system SHOULD advertise the lowest value of Required Min RX Interval that it can.", shows("TestRFC5880_6_4_OffersWhatItCan"), ""},
	{"5880", "6.5", "rule", "A Poll is answered at once with the Final bit, independent of periodic packets.", shows("TestRFC5880_6_5_PollIsAnsweredAtOnce"), ""},
	{"5880", "6.5", "rule", "A Final ends the Poll Sequence.", shows("TestRFC5880_6_5_PollRidesOnPeriodicPackets", "TestRFC5880_6_5_FinalBeforeThePoll", "TestRFC5880_6_5_NoPollToNobody"), ""},
	{"5880", "6.5", "MUST NOT", "A packet MUST NOT have both the Poll and the Final bit set.", shows("TestRFC5880_6_5_PollIsAnsweredAtOnce", "FuzzSession"), ""},
	{"5880", "6.5", "MUST", "The Poll Sequence MUST be performed by setting the Poll bit on scheduled periodic transmissions; additional packets MUST NOT be sent.", shows("TestRFC5880_6_5_PollRidesOnPeriodicPackets"), ""},
	{"5880", "6.6", "MUST NOT", "The Demand bit MUST NOT be set unless both systems perceive the session to be Up.", shows("TestRFC5880_6_6_DemandModeOfTheOtherSystem"), noDemand},
	{"5880", "6.6", "MUST", "If Demand mode is active on either system, a Poll Sequence MUST be initiated whenever the contents of the next packet would differ.", shows("TestRFC5880_6_6_ChangesArePolledInDemandMode"), ""},
	{"5880", "6.7", "MUST", "Implementations supporting authentication MUST support both types of SHA1 authentication.", shows("TestRFC5880_6_7_4_WhatIsSent", "TestCapturesBringASessionUp"), ""},
	{"5880", "6.7.1", "SHOULD NOT", "Authentication SHOULD NOT be turned on or off based on the receipt of Control packets.", shows("TestRFC5880_6_7_1_PacketsDoNotChangeAuthentication"), ""},
	{"5880", "6.7.4", "MUST", "Auth Type MUST be 4 or 5, Auth Len 28, Auth Key ID that of the current key, Sequence Number bfd.XmitAuthSeq.", shows("TestRFC5880_6_7_4_WhatIsSent"), ""},
	{"5880", "6.7.4", "MUST", "A SHA1 hash MUST be calculated over the entire Control packet, with the key in the place of the hash; the key MUST NOT be carried in the packet.", shows("TestRFC5880_6_7_4_WhatIsSent", "TestCapturesAreWrittenAgain"), ""},
	{"5880", "6.7.4", "MUST", "Meticulous: bfd.XmitAuthSeq MUST be incremented in a circular fashion.", shows("TestRFC5880_6_7_4_MeticulousSequence"), ""},
	{"5880", "6.7.4", "SHOULD", "Keyed: bfd.XmitAuthSeq SHOULD be incremented when the session state changes, or when the contents differ.", shows("TestRFC5880_6_7_4_KeyedSequence"), ""},
	{"5880", "6.7.4", "MUST", "A packet without the section, of another type, with an unknown key ID, of another length or with another hash MUST be discarded.", shows("TestRFC5880_6_7_4_Checks", "TestCapturesWithOneBitTurned"), ""},
	{"5880", "6.7.4", "MUST", "A sequence number outside bfd.RcvAuthSeq (meticulous: plus 1) to bfd.RcvAuthSeq + 3 × Detect Mult MUST be discarded. Detect Mult is that of the packet.", shows("TestRFC5880_6_7_4_Window"), ""},
	{"5880", "6.7.4", "MUST", "Otherwise bfd.AuthSeqKnown MUST be set to 1, and bfd.RcvAuthSeq to the received number. Stead does so when the hash was found right, so that no stranger decides.", shows("TestRFC5880_6_7_4_FirstPacket"), ""},
	{"5880", "6.7.4", "MUST", "Keys MUST be accepted as ASCII strings, and SHOULD be as binary strings in hexadecimal form.", nil, byReader},
	{"5880", "6.8.1", "MUST", "State and remote state MUST be initialized to Down, the remote discriminator, the diagnostic, bfd.RemoteDemandMode and bfd.AuthSeqKnown to zero, bfd.RemoteMinRxInterval to 1.", shows("TestRFC5880_6_8_1_InitialValues"), ""},
	{"5880", "6.8.1", "SHOULD", "The local discriminator MUST be unique and nonzero, and SHOULD be random.", nil, byOwner},
	{"5880", "6.8.1", "MUST", "If a Detection Time passes without a valid packet, the remote discriminator MUST be set to zero; until then it MUST be preserved.", shows("TestRFC5880_6_8_1_DiscriminatorIsForgotten"), ""},
	{"5880", "6.8.1", "MUST", "bfd.DesiredMinTxInterval MUST be initialized to at least one second.", shows("TestRFC5880_6_8_1_InitialValues"), ""},
	{"5880", "6.8.1", "MUST", "bfd.XmitAuthSeq MUST be initialized to a random 32-bit value.", shows("TestRFC5880_6_8_1_FirstSequence"), ""},
	{"5880", "6.8.1", "MUST", "bfd.AuthSeqKnown MUST be set to zero after no packets have been received for at least twice the Detection Time.", shows("TestRFC5880_6_8_1_SequenceIsForgotten"), ""},
	{"5880", "6.8.2", "rule", "The intervals of the two directions are negotiated apart, continuously.", shows("TestRFC5880_6_8_2_LargerInterval"), ""},
	{"5880", "6.8.3", "MUST", "If either interval is changed, a Poll Sequence MUST be initiated.", shows("TestRFC5880_6_8_3_ChangesArePolled"), ""},
	{"5880", "6.8.3", "MUST NOT", "If bfd.DesiredMinTxInterval is increased while Up, the transmission interval MUST NOT change until the Poll Sequence has terminated.", shows("TestRFC5880_6_8_3_SlowerOnlyAfterFinal"), ""},
	{"5880", "6.8.3", "MUST", "If bfd.RequiredMinRxInterval is reduced while Up, the previous value MUST be used for the Detection Time until the Poll Sequence has terminated.", shows("TestRFC5880_6_8_3_ExpectsMoreOnlyAfterFinal"), ""},
	{"5880", "6.8.3", "MUST", "When not Up, bfd.DesiredMinTxInterval MUST be set to not less than one second.", shows("TestRFC5880_6_8_3_SlowUntilUp", "TestRFC5880_6_8_3_SlowerThanSlow"), ""},
	{"5880", "6.8.3", "MUST", "If bfd.RemoteMinRxInterval is reduced, the new interval MUST be honored immediately, counted from the previous transmission.", shows("TestRFC5880_6_8_3_RemoteMinRXReduced"), ""},
	{"5880", "6.8.3", "SHOULD", "When the Echo function is active, bfd.RequiredMinRxInterval SHOULD be at least one second.", nil, noEcho},
	{"5880", "6.8.3", "MUST", "All other changes of timing parameters MUST be effected immediately.", shows("TestRFC5880_6_8_3_OtherChangesAtOnce"), ""},
	{"5880", "6.8.3", "MUST", "Several changes MUST be communicated in one packet, or a packet without the Final bit MUST be received before another Poll Sequence.", shows("TestRFC5880_6_8_3_TwoChanges"), ""},
	{"5880", "6.8.4", "rule", "The Detection Time is Detect Mult of the remote system, times the larger of bfd.RequiredMinRxInterval and its Desired Min TX Interval.", shows("TestRFC5880_6_8_4_DetectionTime"), ""},
	{"5880", "6.8.4", "MUST", "If it passes without a packet in Init or Up, the state MUST be set to Down, the diagnostic to 1.", shows("TestRFC5880_6_8_4_SilenceEndsTheSession", "TestRFC5880_6_8_4_SilenceInOtherStates"), ""},
	{"5880", "6.8.5", "MUST", "A failure of the Echo function MUST set the diagnostic to 2.", nil, noEcho},
	{"5880", "6.8.6", "MUST", "The checks of version, Length, Detect Mult, Multipoint, My Discriminator and Your Discriminator; a packet that fails one MUST be discarded.", shows("TestRFC5880_6_8_6_Checks", "TestRFC5880_6_8_6_Order", "FuzzControl"), ""},
	{"5880", "6.8.6", "MUST", "If Your Discriminator is nonzero, it MUST be used to select the session; if it is zero, other fields.", shows("TestDiscriminators"), byOwner},
	{"5880", "6.8.6", "MUST", "If Your Discriminator is zero and the State is not Down or AdminDown, the packet MUST be discarded.", shows("TestRFC5880_6_8_6_Checks", "TestRFC5880_6_8_6_NoDiscriminator"), ""},
	{"5880", "6.8.6", "MUST", "A packet with authentication where none is in use, or without it where it is, MUST be discarded.", shows("TestRFC5880_6_8_6_Checks", "TestRFC5880_6_7_4_Checks"), ""},
	{"5880", "6.8.6", "rule", "In AdminDown a packet is discarded after its values were taken.", shows("TestRFC5880_6_8_6_AdminDownDiscards"), ""},
	{"5880", "6.8.6", "rule", "Only a packet that was not discarded counts for the Detection Time.", shows("TestRFC5880_6_8_6_RefusedIsNotReceived"), ""},
	{"5880", "6.8.6", "MUST", "If Demand mode is active on the remote system, periodic transmission MUST cease; if it is not, packets MUST be sent.", shows("TestRFC5880_6_6_DemandModeOfTheOtherSystem", "TestRFC5880_6_6_DemandModeNeedsBothUp"), ""},
	{"5880", "6.8.7", "MUST NOT", "A system MUST NOT transmit at an interval less than the larger of bfd.DesiredMinTxInterval and bfd.RemoteMinRxInterval, less jitter.", shows("TestRFC5880_6_8_2_LargerInterval", "TestRFC5880_6_8_3_SlowUntilUp"), "AdminDown is repeated at the old interval for up to one Detection Time; see above."},
	{"5880", "6.8.7", "MUST", "Periodic transmission MUST be jittered by up to 25 %.", shows("TestRFC5880_6_8_7_Jitter"), ""},
	{"5880", "6.8.7", "MUST", "If bfd.DetectMult is 1, the interval MUST be no more than 90 %, and no less than 75 %.", shows("TestRFC5880_6_8_7_JitterOfASinglePacket"), ""},
	{"5880", "6.8.7", "MUST NOT", "A system MUST NOT transmit if the remote discriminator is zero and it takes the Passive role.", shows("TestRFC5880_6_1_PassiveWaits"), ""},
	{"5880", "6.8.7", "MUST NOT", "A system MUST NOT periodically transmit if bfd.RemoteMinRxInterval is zero.", shows("TestRFC5880_6_8_7_NoPeriodicPacketsWanted"), ""},
	{"5880", "6.8.7", "MUST NOT", "A system MUST NOT periodically transmit if Demand mode is active on the remote system and no Poll Sequence is transmitted.", shows("TestRFC5880_6_6_DemandModeOfTheOtherSystem", "TestRFC5880_6_6_ChangesArePolledInDemandMode"), ""},
	{"5880", "6.8.7", "MUST", "If a Poll is received, the receiving system MUST transmit a Final as soon as practicable, whatever its timer says.", shows("TestRFC5880_6_5_PollIsAnsweredAtOnce", "TestRFC5880_6_8_7_FinalsDoNotMoveTheTimer"), ""},
	{"5880", "6.8.7", "SHOULD", "A packet SHOULD be transmitted between periodic ones when its contents differ. Stead does so when the state changes, at most eight times in a second.", shows("TestRFC5880_6_8_7_ChangesAreToldAtOnce"), ""},
	{"5880", "6.8.7", "rule", "A system that was late sends one packet, and does not make up for those it has not sent.", shows("TestRFC5880_6_8_7_Late"), ""},
	{"5880", "6.8.8", "MUST", "Reception of echo packets.", nil, noEcho},
	{"5880", "6.8.9", "MUST NOT", "Transmission of echo packets.", nil, noEcho},
	{"5880", "6.8.12", "rule", "A new Detect Mult goes with the next packet, without a Poll Sequence.", shows("TestRFC5880_6_8_12_Multiplier"), ""},
	{"5880", "6.8.14", "MUST", "If Demand mode is no longer active on the remote system, the local system MUST begin to transmit periodic packets.", shows("TestRFC5880_6_6_DemandModeOfTheOtherSystem"), ""},
	{"5880", "6.8.15", "MUST", "A reset of the forwarding plane MUST set the diagnostic to 4.", nil, forwarder},
	{"5880", "6.8.16", "rule", "Administrative control: AdminDown and its diagnostic; Down when it ends.", shows("TestRFC5880_6_8_16_AdminDown"), ""},
	{"5880", "6.8.16", "SHOULD", "Packets SHOULD be transmitted for at least a Detection Time after transitioning to AdminDown.", shows("TestRFC5880_6_8_16_AdminDownIsRepeated"), ""},
	{"5880", "6.8.17", "rule", "Concatenated paths.", nil, forwarder},
	{"5880", "6.8.18", "SHOULD", "If no packets are received for a Detection Time, bfd.RemoteMinRxInterval SHOULD be reset to 1.", shows("TestRFC5880_6_8_18_RemoteMinRXIsForgotten"), ""},
	{"5880", "7", "MUST", "Across multiple hops a congestion control mechanism MUST be implemented, which reduces the traffic.", shows("TestRFC5880_6_8_4_SilenceEndsTheSession"), "A session that loses packets in a row goes Down, and to one packet per second; there is no other mechanism."},
	{"5880", "9", "SHOULD", "Over multiple hops authentication SHOULD be used.", nil, operator},
	{"5881", "2", "MUST", "A separate session MUST be established for each of IPv4 and IPv6.", shows(singleHop), ""},
	{"5881", "3", "MUST", "Both sides MUST take the Active role. It is the default.", shows("TestRFC5880_6_1_ActiveSendsFirst"), ""},
	{"5881", "3", "MUST", "A packet whose Your Discriminator is zero MUST be associated with the session of the remote system, interface and protocol.", shows(strangers), byOwner},
	{"5881", "4", "MUST", "Packets MUST be sent to UDP port 3784, from one source port in 49152 to 65535 that is the same for all packets of a session.", shows(onTheWire), ""},
	{"5881", "5", "MUST", "All packets MUST be sent with a TTL or Hop Limit of 255.", shows(onTheWire), ""},
	{"5881", "5", "MUST", "Packets MUST be discarded if the received TTL or Hop Limit is not 255; with authentication they may be. Stead discards them before it computes a hash.", shows("TestRFC5881_5_TTL"), ""},
	{"5881", "6", "MUST", "Packets MUST be transmitted over the one-hop path that is protected.", shows(singleHop, "internal/adapter/bfd:TestOtherInterface"), ""},
	{"5882", "3.2", "SHOULD NOT", "AdminDown SHOULD NOT be taken for a failure of the path where the client has other means to find one.", shows("TestRFC5882_3_2_AdminDownIsNoFailure"), ""},
	{"5882", "4.2", "MUST NOT", "No action is taken on a transition from Up to AdminDown, or to Down because the remote system is AdminDown.", shows("TestRFC5882_3_2_AdminDownIsNoFailure"), ""},
	{"5883", "3", "MUST NOT", "The Echo function MUST NOT be used over multiple hops.", nil, noEcho},
	{"5883", "4.3", "MUST", "Over unidirectional links the sender MUST be Active and the receiver Passive.", shows("TestRFC5880_6_1_PassiveWaits"), operator},
	{"5883", "5", "MUST", "The UDP destination port MUST be 4784.", shows(onTheWire, multihop), ""},
	{"5883", "5", "rule", "The least TTL that is accepted is what is configured: 256 less the hops.", shows("TestRFC5883_5_TTL"), ""},
	{"5883", "6", "SHOULD", "Authentication SHOULD be used.", nil, operator},
}
