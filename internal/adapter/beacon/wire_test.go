package beacon

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stead/internal/core/clock"
)

// The bytes of a datagram, which two versions of the program have to agree on. The
// tag was computed by another implementation of HMAC-SHA-256.
func TestGoldenDatagram(t *testing.T) {
	d := datagram{
		Sender: siteHash("east"), Receiver: siteHash("west"), Run: 1, Seq: 2, Nonce: 3, Beat: 4, AckRun: 5, Ack: 6,
		Echoes: [maxEchoes]uint64{7, 8}, Echoed: 2, Payload: []byte("alive"),
	}
	raw := newSealer([][]byte{testKey}).seal(d.append(nil))
	const want = "01020005211598601e3fcc3c3db014f61a15542e00000000000000010000000000000002000000000000000300000000000000040000000000000005000000000000000600000000000000070000000000000008616c697665e1dcd215ae827dd1ab1ca561774f1c4a"
	if got := hex.EncodeToString(raw); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

func TestWhatIsNoDatagram(t *testing.T) {
	d := datagram{Run: 1, Seq: 1, Nonce: 1, Beat: 1, Echoed: 1, Payload: []byte("alive")}
	good := newSealer([][]byte{testKey}).seal(d.append(nil))
	if _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	change := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	for name, raw := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)-1], "longer": append(bytes.Clone(good), 0), "the header only": good[:headerSize],
		"another version": change(0, 2), "too many echoes": change(1, maxEchoes+1), "other echoes": change(1, 0),
		"another length": change(3, 4), "far too long": append(bytes.Clone(good), make([]byte, maxDatagram)...),
		"no run": change(27, 0), "no number": change(35, 0), "no nonce": change(43, 0), "a payload of no heartbeat": change(51, 0),
	} {
		if d, err := parse(raw); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
	s := newSealer([][]byte{testKey})
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1
		if s.verify(b) == nil {
			t.Errorf("byte %d can be changed", i)
		}
	}
}

func TestLargestDatagram(t *testing.T) {
	d := datagram{Run: 1, Seq: 1, Nonce: 1, Beat: 1, Echoed: maxEchoes, Payload: make([]byte, MaxPayload)}
	if raw := newSealer([][]byte{testKey}).seal(d.append(nil)); len(raw) != maxDatagram {
		t.Errorf("%d bytes", len(raw))
	}
}

func TestDatagramRoundTrip(t *testing.T) {
	number := rapid.Uint64Range(1, 1<<64-1)
	rapid.Check(t, func(t *rapid.T) {
		d := datagram{
			Sender: number.Draw(t, "sender"), Receiver: number.Draw(t, "receiver"), Run: number.Draw(t, "run"), Seq: number.Draw(t, "seq"),
			Nonce: number.Draw(t, "nonce"), Beat: number.Draw(t, "beat"), AckRun: number.Draw(t, "ackrun"), Ack: number.Draw(t, "ack"),
			Echoed: rapid.IntRange(0, maxEchoes).Draw(t, "echoed"), Payload: rapid.SliceOfN(rapid.Byte(), 0, MaxPayload).Draw(t, "payload"),
		}
		for i := range d.Echoed {
			d.Echoes[i] = number.Draw(t, "echo")
		}
		got, err := parse(newSealer([][]byte{testKey}).seal(d.append(nil)))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Payload) == 0 && len(d.Payload) == 0 {
			got.Payload = d.Payload
		}
		if !reflect.DeepEqual(got, d) {
			t.Errorf("%+v, want %+v", got, d)
		}
	})
}

// What is parsed is written as it was read, and nothing panics on the way to a session.
func FuzzParse(f *testing.F) {
	d := datagram{Run: 1, Seq: 1, Nonce: 1, Beat: 1, Echoed: 1, Payload: []byte("alive")}
	f.Add(newSealer([][]byte{testKey}).seal(d.append(nil)))
	f.Add([]byte(strings.Repeat("\x01", headerSize+tagSize)))
	west := newSite("west", "east", 1)
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := parse(raw)
		if err != nil {
			return
		}
		if got := d.append(nil); !bytes.Equal(got, raw[:len(raw)-tagSize]) {
			t.Errorf("%x becomes %x", raw, got)
		}
		if o := west.receive(0, &d); o.heard {
			t.Errorf("%x counts", raw)
		}
	})
}

// Sources that nobody knows get so much attention and no more; those that are known
// get all of it.
func TestGuard(t *testing.T) {
	var g guard
	stranger, friend := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	admitted := func(now clock.Instant, n int) (count int) {
		for range n {
			if g.admit(now, stranger, false) {
				count++
			}
		}
		return count
	}
	if n := admitted(second, 1000); n != strangersPerSecond {
		t.Errorf("%d at once", n)
	}
	if !g.admit(second, friend, true) || g.admit(second, friend, false) {
		t.Error("a destination is taken for a stranger, or a stranger for one")
	}
	g.trust(friend)
	g.trust(friend)
	if !g.admit(second, friend, false) || g.next != 1 {
		t.Error("who was authentic is a stranger")
	}
	if n := admitted(second+clock.Instant(50*time.Millisecond), 1000); n != strangersPerSecond/20 {
		t.Errorf("%d after 50 ms", n)
	}
	if n := admitted(3600*second, 1000); n != strangersPerSecond {
		t.Errorf("%d after an hour", n)
	}
}
