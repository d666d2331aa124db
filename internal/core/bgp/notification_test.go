package bgp

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// notificationCases are NOTIFICATIONs with their bytes and their words.
var notificationCases = []struct {
	name    string
	n       Notification
	message string
	says    string
}{
	{"hold timer", *HoldTimerExpired(), ones + "0015 03 04 00", "hold timer expired"},
	{"BFD (RFC 9384)", *Cease(BFDDown, ""), ones + "0015 03 06 0a", "cease: BFD down"},
	{"collision", *Cease(CollisionResolution, ""), ones + "0015 03 06 07", "cease: connection collision resolution"},
	{"peer AS", Notification{Code: CodeOpen, Subcode: BadPeerAS}, ones + "0015 03 02 02", "open message error: bad peer AS"},
	{"shutdown without a text", *Cease(AdministrativeShutdown, ""), ones + "0015 03 06 02", "cease: administrative shutdown"},
	{"unexpected in OpenSent", *UnexpectedMessage(OpenSent, TypeUpdate), ones + "0016 03 05 01 02",
		"finite state machine error: receive unexpected message in OpenSent state"},
	{"unexpected in OpenConfirm", *UnexpectedMessage(OpenConfirm, TypeRouteRefresh), ones + "0016 03 05 02 05",
		"finite state machine error: receive unexpected message in OpenConfirm state"},
	{"unexpected in Established", *UnexpectedMessage(EstablishedState, TypeOpen), ones + "0016 03 05 03 01",
		"finite state machine error: receive unexpected message in Established state"},
	{"version", Notification{Code: CodeOpen, Subcode: UnsupportedVersion, Data: []byte{0, 4}}, ones + "0017 03 02 01 0004",
		"open message error: unsupported version number: supports version 4"},
	{"version without data", Notification{Code: CodeOpen, Subcode: UnsupportedVersion}, ones + "0015 03 02 01",
		"open message error: unsupported version number"},
	{"prefixes", Notification{Code: CodeCease, Subcode: MaximumPrefixes, Data: []byte{0, 1, 1, 0, 0, 0, 9}}, ones + "001c 03 06 01 00010100000009",
		"cease: maximum number of prefixes reached"},
	{"code that nobody knows", Notification{Code: 77, Subcode: 3}, ones + "0015 03 4d 03", "error code 77: subcode 3"},
	{"code 0", Notification{}, ones + "0015 03 00 00", "error code 0"},
	{"subcode that nobody knows", Notification{Code: CodeCease, Subcode: 200}, ones + "0015 03 06 c8", "cease: subcode 200"},
	{"subcode without a name", Notification{Code: CodeOpen, Subcode: 8}, ones + "0015 03 02 08", "open message error: subcode 8"},
	{"unspecific", Notification{Code: CodeOpen}, ones + "0015 03 02 00", "open message error"},
	{"send hold timer (RFC 9687)", Notification{Code: CodeSendHoldTimer}, ones + "0015 03 08 00", "send hold timer expired"},
}

func TestNotification(t *testing.T) {
	for _, c := range notificationCases {
		t.Run(c.name, func(t *testing.T) {
			want := octets(t, c.message)
			if got := AppendNotification([]byte("x"), &c.n); !bytes.Equal(got[1:], want) {
				t.Errorf("sent %x\nwant %x", got[1:], want)
			}
			got := ParseNotification(want)
			if got.Code != c.n.Code || got.Subcode != c.n.Subcode || got.Text != "" || !bytes.Equal(got.Data, c.n.Data) {
				t.Errorf("read %+v, want %+v", got, c.n)
			}
			if got.String() != c.says {
				t.Errorf("says %q, want %q", got.String(), c.says)
			}
		})
	}
}

// TestShutdownCommunication is RFC 9003 section 2, with what BIRD 2.0.12 and FRR
// 8.4.4 sent in network namespaces.
func TestShutdownCommunication(t *testing.T) {
	for _, c := range []struct{ name, message, says string }{
		{"bird, disable", ones + "00240306020e77617274756e67206cc3a4756674", `cease: administrative shutdown: "wartung läuft"`},
		{"frr, shutdown message", ones + "00220306020c6164696f73207365c3b16f72", `cease: administrative shutdown: "adios señor"`},
		{"frr, no neighbor", ones + "0015030603", `cease: peer de-configured`},
		{"of no length", ones + "0016 03 06 02 00", `cease: administrative shutdown`},
		{"reset", ones + "0018 03 06 04 02 6869", `cease: administrative reset: "hi"`},
		{"of another subcode", ones + "0018 03 06 05 02 6869", `cease: connection rejected`},
		{"longer than the data", ones + "0018 03 06 02 03 6869", `cease: administrative shutdown`},
		{"shorter than the data", ones + "0018 03 06 02 01 6869", `cease: administrative shutdown: "h"`},
		{"no UTF-8", ones + "001a 03 06 02 04 68 ff c3 69", `cease: administrative shutdown: "h��i"`},
		{"of control characters", ones + "001a 03 06 02 04 68 1b 0a 69", `cease: administrative shutdown: "h��i"`},
		{"written from right to left", ones + "001a 03 06 02 04 e280ae 69", `cease: administrative shutdown: "�i"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := ParseNotification(octets(t, c.message))
			if n.String() != c.says {
				t.Errorf("says %q, want %q", n.String(), c.says)
			}
		})
	}
}

// TestSentCommunication sends texts that fit and texts that do not.
func TestSentCommunication(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"short", "node b stops", "node b stops"},
		{"the longest", strings.Repeat("x", 128), strings.Repeat("x", 128)},
		{"too long", strings.Repeat("x", 300), strings.Repeat("x", 128)},
		{"cut between characters", strings.Repeat("x", 127) + "ä", strings.Repeat("x", 127)},
		{"cut between long characters", "xx" + strings.Repeat("😀", 64), "xx" + strings.Repeat("😀", 31)},
		{"no UTF-8", "a\xffb", "a" + string(utf8.RuneError) + "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			message := AppendNotification(nil, Cease(AdministrativeReset, c.text))
			if got := ParseNotification(message); got.Text != c.want {
				t.Errorf("text %q, want %q", got.Text, c.want)
			}
			if n := int(message[21]); n != len(message)-22 || n != len(c.want) {
				t.Errorf("length %d of %d bytes, want %d", n, len(message)-22, len(c.want))
			}
		})
	}
	if got := AppendNotification(nil, Cease(BFDDown, "not for this subcode")); len(got) != minNotification {
		t.Errorf("a text went with another subcode: %x", got)
	}
}

// TestLongCommunication reads the longest text that a peer may send (RFC 9003 section 2).
func TestLongCommunication(t *testing.T) {
	text := strings.Repeat("y", 255)
	b := append(octets(t, ones+"0000 03 06 02 ff"), text...)
	if got := ParseNotification(closeMessage(b, 0)); got.Text != text {
		t.Errorf("text of %d bytes", len(got.Text))
	}
}

// TestNotificationLimits sends more data than a message can hold, and reads less
// than a message.
func TestNotificationLimits(t *testing.T) {
	message := AppendNotification(nil, &Notification{Code: CodeUpdate, Data: make([]byte, 5000)})
	if _, length, n := ParseHeader(message); length != MaxMessage || len(message) != MaxMessage || n != nil {
		t.Errorf("%d bytes, length %d, %v", len(message), length, n)
	}
	if got := ParseNotification(message[:20]); got.Code != 0 || got.Data != nil {
		t.Errorf("read %+v from a part", got)
	}
}

// TestNotificationKept changes the bytes of a message after it was read.
func TestNotificationKept(t *testing.T) {
	message := octets(t, ones+"001a 03 06 02 04 61626364")
	n := ParseNotification(message)
	clear(message)
	if n.Text != "abcd" || !bytes.Equal(n.Data, []byte("\x04abcd")) {
		t.Errorf("%+v changed with the message", n)
	}
}
