package bgp

import "strconv"

// codeNames are the names of error codes in the registry of IANA, "BGP Error
// (Notification) Codes".
var codeNames = [...]string{
	CodeHeader:           "message header error",
	CodeOpen:             "open message error",
	CodeUpdate:           "update message error",
	CodeHoldTimerExpired: "hold timer expired",
	CodeFSM:              "finite state machine error",
	CodeCease:            "cease",
	CodeRefresh:          "route-refresh message error",
	CodeSendHoldTimer:    "send hold timer expired",
}

// subcodeNames are the names of error subcodes in the registry of IANA. Those
// that are empty are unspecific, deprecated or not assigned.
var subcodeNames = [...][]string{
	CodeHeader: {
		ConnectionNotSynchronized: "connection not synchronized",
		BadMessageLength:          "bad message length",
		BadMessageType:            "bad message type",
	},
	CodeOpen: {
		UnsupportedVersion:           "unsupported version number",
		BadPeerAS:                    "bad peer AS",
		BadIdentifier:                "bad BGP identifier",
		UnsupportedOptionalParameter: "unsupported optional parameter",
		UnacceptableHoldTime:         "unacceptable hold time",
		UnsupportedCapability:        "unsupported capability",
		5:                            "authentication failure",
		11:                           "role mismatch",
	},
	CodeUpdate: {
		1:  "malformed attribute list",
		2:  "unrecognized well-known attribute",
		3:  "missing well-known attribute",
		4:  "attribute flags error",
		5:  "attribute length error",
		6:  "invalid ORIGIN attribute",
		7:  "AS routing loop",
		8:  "invalid NEXT_HOP attribute",
		9:  "optional attribute error",
		10: "invalid network field",
		11: "malformed AS_PATH",
	},
	CodeHoldTimerExpired: nil,
	CodeFSM: {
		UnexpectedInOpenSent:    "receive unexpected message in OpenSent state",
		UnexpectedInOpenConfirm: "receive unexpected message in OpenConfirm state",
		UnexpectedInEstablished: "receive unexpected message in Established state",
	},
	CodeCease: {
		MaximumPrefixes:          "maximum number of prefixes reached",
		AdministrativeShutdown:   "administrative shutdown",
		PeerDeconfigured:         "peer de-configured",
		AdministrativeReset:      "administrative reset",
		ConnectionRejected:       "connection rejected",
		OtherConfigurationChange: "other configuration change",
		CollisionResolution:      "connection collision resolution",
		OutOfResources:           "out of resources",
		HardReset:                "hard reset",
		BFDDown:                  "BFD down",
	},
	CodeRefresh:       {1: "invalid message length"},
	CodeSendHoldTimer: nil,
}

// String says for people what the notification says, in the words of the registry
// of IANA: `cease: administrative shutdown: "moved to node b"`.
func (n *Notification) String() string {
	s := "error code " + strconv.Itoa(int(n.Code))
	var subcodes []string
	if int(n.Code) < len(codeNames) && codeNames[n.Code] != "" {
		s, subcodes = codeNames[n.Code], subcodeNames[n.Code]
	}
	switch {
	case int(n.Subcode) < len(subcodes) && subcodes[n.Subcode] != "":
		s += ": " + subcodes[n.Subcode]
	case n.Subcode != 0:
		s += ": subcode " + strconv.Itoa(int(n.Subcode))
	}
	if version, ok := n.supported(); ok {
		return s + ": supports version " + strconv.Itoa(int(version))
	}
	if n.Text != "" {
		return s + ": " + strconv.Quote(n.Text)
	}
	return s
}
