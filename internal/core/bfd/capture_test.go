package bfd

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// capture is a file of testdata/captures: what two other implementations have said
// to each other in network namespaces.
type capture struct {
	name    string
	auth    Auth
	numbers map[string]uint32 // their discriminators
	packets []captured
}

type captured struct {
	at    time.Duration
	from  string
	ttl   int
	bytes []byte
}

func readCaptures(t testing.TB) (captures []capture) {
	t.Helper()
	files, err := filepath.Glob("testdata/captures/*.txt")
	if err != nil || len(files) < 4 {
		t.Fatalf("captures: %d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := capture{name: strings.TrimSuffix(filepath.Base(file), ".txt"), numbers: map[string]uint32{}}
		for line := range strings.Lines(string(text)) {
			if err := c.parse(strings.Fields(line)); err != nil {
				t.Fatalf("%s: %q: %v", file, line, err)
			}
		}
		captures = append(captures, c)
	}
	return captures
}

// parse reads a line: "auth TYPE KEY SECRET", "NAME DISCRIMINATOR" or "SECONDS
// NAME TTL BYTES".
func (c *capture) parse(words []string) error {
	switch {
	case len(words) == 0 || words[0] == "#":
		return nil
	case words[0] == "auth":
		kind, err := strconv.Atoi(words[1])
		if err != nil {
			return err
		}
		id, err := strconv.Atoi(words[2])
		c.auth.Type = AuthType(kind)
		c.auth.Keys = append(c.auth.Keys, Key{ID: uint8(id), Secret: []byte(words[3])})
		return err
	case len(words) == 2:
		n, err := strconv.ParseUint(words[1], 10, 32)
		c.numbers[words[0]] = uint32(n)
		return err
	}
	at, err := time.ParseDuration(words[0] + "s")
	if err != nil {
		return err
	}
	ttl, err := strconv.Atoi(words[2])
	if err != nil {
		return err
	}
	b, err := hex.DecodeString(words[3])
	c.packets = append(c.packets, captured{at, words[1], ttl, b})
	return err
}

// What BIRD and FRR send is read, and written again it is the same to the last
// bit, the hash included; of FRR only the offer to loop echo packets is left out.
func TestCapturesAreWrittenAgain(t *testing.T) {
	for _, c := range readCaptures(t) {
		signer := newAuthenticator(c.auth, 0)
		for i, p := range c.packets {
			head, why := parse(p.bytes)
			if why != Accepted || head.length != len(p.bytes) || head.mine != c.numbers[p.from] {
				t.Fatalf("%s, packet %d: %v, %+v", c.name, i, why, head)
			}
			again := head.append(nil)
			if c.auth.Type != AuthNone {
				signer.next = sequenceOf(p.bytes) - 1
				signer.signed = [headSize]byte{}
				again = signer.sign(again, 0)
			}
			want := bytes.Clone(p.bytes)
			copy(want[20:24], zero)
			if !bytes.Equal(again, want) {
				t.Errorf("%s, packet %d written again:\n  %x, captured\n  %x", c.name, i, again, want)
			}
		}
	}
}

// A session in the place of each of them goes through the states that the packets
// of the other one ask for, and refuses none.
func TestCapturesBringASessionUp(t *testing.T) {
	for _, c := range readCaptures(t) {
		for name, number := range c.numbers {
			cfg := standard()
			cfg.Discriminator, cfg.Auth = number, c.auth
			s := New(cfg)
			s.Start(boot)
			for i, p := range c.packets {
				if p.from == name {
					continue
				}
				now := boot.Add(p.at)
				s.Begin(now)
				s.Receive(now, &Packet{TTL: p.ttl, Bytes: p.bytes})
				s.Finish(now)
				if st := s.Status(now); st.Refused != 0 {
					t.Fatalf("%s, packet %d to %s: %s", c.name, i, name, st.LastRefusal)
				}
			}
			if ups := s.Status(boot).Ups; ups == 0 {
				t.Errorf("%s: the session of %s was never Up", c.name, name)
			}
		}
	}
}

// Any bit that is turned in an authenticated packet makes it one that is refused.
func TestCapturesWithOneBitTurned(t *testing.T) {
	for _, c := range readCaptures(t) {
		if c.auth.Type == AuthNone {
			continue
		}
		p := c.packets[len(c.packets)-1]
		for bit := range len(p.bytes) * 8 {
			turned := bytes.Clone(p.bytes)
			turned[bit/8] ^= 0x80 >> (bit % 8)
			cfg := standard()
			cfg.Discriminator, cfg.Auth = 0, c.auth
			for name, number := range c.numbers {
				if name != p.from {
					cfg.Discriminator = number
				}
			}
			s := New(cfg)
			s.Start(boot)
			s.Receive(boot, &Packet{TTL: p.ttl, Bytes: turned})
			if s.Status(boot).Received != 0 {
				t.Errorf("%s, bit %d turned: accepted", c.name, bit)
			}
		}
	}
}
