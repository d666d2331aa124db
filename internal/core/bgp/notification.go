package bgp

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Notification is why a session ends (RFC 4271 section 4.5).
type Notification struct {
	Code, Subcode uint8
	Data          []byte
	Text          string // the shutdown communication (RFC 9003) of Cease with AdministrativeShutdown or AdministrativeReset
}

// Error codes (RFC 4271 section 4.5 and the registry of IANA).
const (
	CodeHeader           uint8 = 1
	CodeOpen             uint8 = 2
	CodeUpdate           uint8 = 3
	CodeHoldTimerExpired uint8 = 4
	CodeFSM              uint8 = 5
	CodeCease            uint8 = 6
	CodeRefresh          uint8 = 7 // RFC 7313
	CodeSendHoldTimer    uint8 = 8 // RFC 9687
)

// Subcodes of CodeHeader (RFC 4271 section 6.1).
const (
	ConnectionNotSynchronized uint8 = 1
	BadMessageLength          uint8 = 2 // Data: the length, 2 bytes
	BadMessageType            uint8 = 3 // Data: the type
)

// Subcodes of CodeOpen (RFC 4271 section 6.2).
const (
	OpenUnspecific               uint8 = 0
	UnsupportedVersion           uint8 = 1 // Data: the supported version, 2 bytes
	BadPeerAS                    uint8 = 2
	BadIdentifier                uint8 = 3
	UnsupportedOptionalParameter uint8 = 4
	UnacceptableHoldTime         uint8 = 6
	UnsupportedCapability        uint8 = 7 // RFC 5492; Data: the capabilities
)

// Subcodes of CodeFSM (RFC 6608): a message that the state does not expect. Data
// is its type.
const (
	UnexpectedInOpenSent    uint8 = 1
	UnexpectedInOpenConfirm uint8 = 2
	UnexpectedInEstablished uint8 = 3
)

// Subcodes of CodeCease (RFC 4486, RFC 8538, RFC 9384).
const (
	MaximumPrefixes          uint8 = 1
	AdministrativeShutdown   uint8 = 2
	PeerDeconfigured         uint8 = 3
	AdministrativeReset      uint8 = 4
	ConnectionRejected       uint8 = 5
	OtherConfigurationChange uint8 = 6
	CollisionResolution      uint8 = 7
	OutOfResources           uint8 = 8
	HardReset                uint8 = 9
	BFDDown                  uint8 = 10
)

// maxText is the length of the longest shutdown communication that is sent, in
// bytes: a peer may know no more than RFC 8203, which has this limit, and take a
// longer one for an error (RFC 9003 section 4). One of 255 is understood.
const maxText = 128

// Cease tells the peer that the session ends without an error. The text goes with
// AdministrativeShutdown and AdministrativeReset.
func Cease(subcode uint8, text string) *Notification {
	return &Notification{Code: CodeCease, Subcode: subcode, Text: text}
}

// HoldTimerExpired tells a peer that it was silent for too long (RFC 4271 section 6.5).
func HoldTimerExpired() *Notification { return &Notification{Code: CodeHoldTimerExpired} }

// UnexpectedMessage tells a peer that its message does not belong in the state, which
// is OpenSent, OpenConfirm or EstablishedState (RFC 6608 section 4).
func UnexpectedMessage(state State, t MessageType) *Notification {
	n := &Notification{Code: CodeFSM, Data: []byte{uint8(t)}}
	switch state {
	case OpenSent:
		n.Subcode = UnexpectedInOpenSent
	case OpenConfirm:
		n.Subcode = UnexpectedInOpenConfirm
	case EstablishedState:
		n.Subcode = UnexpectedInEstablished
	}
	return n
}

// communicates tells whether a shutdown communication may be in the data (RFC 9003 section 2).
func (n *Notification) communicates() bool {
	return n.Code == CodeCease && (n.Subcode == AdministrativeShutdown || n.Subcode == AdministrativeReset)
}

// AppendNotification appends a NOTIFICATION (RFC 4271 section 4.5), with the text
// as its data where there is one, cut where it is too long.
func AppendNotification(b []byte, n *Notification) []byte {
	start := len(b)
	b = append(openMessage(b, TypeNotification), n.Code, n.Subcode)
	if n.Text != "" && n.communicates() {
		text := cut(strings.ToValidUTF8(n.Text, string(utf8.RuneError)))
		b = append(b, uint8(len(text)))
		b = append(b, text...)
		return closeMessage(b, start)
	}
	return closeMessage(append(b, n.Data[:min(len(n.Data), MaxMessage-minNotification)]...), start)
}

// cut is what is sent of a text: whole characters.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// ParseNotification reads a NOTIFICATION. A message that is too short for one is
// the zero value.
func ParseNotification(message []byte) Notification {
	if len(message) < minNotification {
		return Notification{}
	}
	body := message[HeaderLen:]
	n := Notification{Code: body[0], Subcode: body[1]}
	if data := body[2:]; len(data) > 0 {
		n.Data = append([]byte(nil), data...)
	}
	if n.communicates() {
		n.Text = communication(n.Data)
	}
	return n
}

// communication is the text in the data, fit to be shown: what is no valid UTF-8
// and what does not print is replaced (RFC 9003 section 6). Where the length does
// not fit the data there is none.
func communication(data []byte) string {
	if len(data) == 0 || int(data[0]) > len(data)-1 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, string(data[1:1+int(data[0])]))
}

// supported is the version in the data of UnsupportedVersion.
func (n *Notification) supported() (version uint16, ok bool) {
	if n.Code != CodeOpen || n.Subcode != UnsupportedVersion || len(n.Data) < 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(n.Data), true
}
