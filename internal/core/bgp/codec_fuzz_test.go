package bgp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// FuzzMessage reads anything as a message of every type. Nothing panics, no length
// is accepted that a message cannot have, what was read does not change with the
// bytes it came from, and it says the same when it is written and read once more.
func FuzzMessage(f *testing.F) {
	for _, c := range openCases {
		f.Add(octets(f, c.message))
	}
	for _, c := range capturedOpens {
		f.Add(octets(f, c.message))
	}
	for _, c := range notificationCases {
		f.Add(octets(f, c.message))
	}
	f.Add(octets(f, ones+"002c 01 04 fde9 0009 c0000201 ff ff 000c 02 0009 0200 41 04 fa56ea01 00"))
	f.Add(octets(f, ones+"0022 03 06 02 0c 6164696f73207365c3b16f72"))
	f.Add(octets(f, ones+"0017 05 0001 00 01"))
	f.Add(AppendKeepalive(nil))
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) >= HeaderLen {
			headerFits(t, message)
		}
		before := bytes.Clone(message)
		open, refused := ParseOpen(message)
		notification := ParseNotification(message)
		ParseRefresh(message)
		if !bytes.Equal(message, before) {
			t.Fatal("a message was changed")
		}
		said := fmt.Sprint(open, refused, notification)
		clear(message)
		if now := fmt.Sprint(open, refused, notification); now != said {
			t.Fatalf("%s\nbecame %s", said, now)
		}
		if refused == nil {
			openAgain(t, &open)
		} else if refused.Code != CodeOpen && len(message) >= minOpen {
			t.Fatalf("an OPEN is refused for %v", refused)
		}
		notificationAgain(t, &notification)
	})
}

// headerFits reads the header of anything.
func headerFits(t *testing.T, message []byte) {
	kind, length, n := ParseHeader(message)
	if n != nil {
		if n.Code != CodeHeader || n.Subcode == 0 {
			t.Fatalf("a header is refused for %v", n)
		}
		return
	}
	if length < HeaderLen || length > MaxMessage || kind < TypeOpen || kind > TypeRouteRefresh {
		t.Fatalf("type %d of %d bytes is accepted", kind, length)
	}
}

// openAgain writes what was read, unless it has no address family that is known.
func openAgain(t *testing.T, o *Open) {
	if o.AS == 0 || o.HoldTime == 1 || o.HoldTime == 2 || !o.RouterID.Is4() || o.RouterID.IsUnspecified() {
		t.Fatalf("accepted %+v", o)
	}
	if !o.IPv4 && !o.IPv6 {
		return
	}
	message := AppendOpen(nil, o)
	headerFits(t, message)
	if again, n := ParseOpen(message); n != nil || again != *o {
		t.Fatalf("%+v\nbecame %+v, %v", *o, again, n)
	}
}

// notificationAgain writes what was read. A long text may be cut.
func notificationAgain(t *testing.T, n *Notification) {
	message := AppendNotification(nil, n)
	headerFits(t, message)
	again := ParseNotification(message)
	if again.Code != n.Code || again.Subcode != n.Subcode || !strings.HasPrefix(n.Text, again.Text) {
		t.Fatalf("%+v\nbecame %+v", n, again)
	}
	if n.Text == "" && !bytes.Equal(again.Data, n.Data[:min(len(n.Data), MaxMessage-minNotification)]) {
		t.Fatalf("%+v\nbecame %+v", n, again)
	}
	words := n.String()
	if words == "" || strings.ContainsFunc(words, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%+v says %q", n, words)
	}
}
