package peer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var rewrite = flag.Bool("rewrite", false, "write the golden bytes of testdata anew")

var (
	keyA = []byte("0123456789abcdef")
	keyB = []byte("fedcba9876543210fedcba9876543210")
)

// goldenHeader is a header in which every field has a value of its own.
func goldenHeader() Header {
	return Header{
		Flags: flagAsk, Path: 1, Sender: NodeHash("primary"), Receiver: NodeHash("secondary"),
		Inc: 0x1112131415161718, Seq: 0x2122232425262728,
		EchoInc: 0x3132333435363738, EchoSeq: 0x4142434445464748, EchoPath: 2, EchoDelay: 0x51525354,
		Version: 0x6162636465666768, Ack: 0x7172737475767778, Base: 0x0102030405060708, Top: 0x090a0b0c0d0e0f10,
	}
}

func goldenRecord() Record {
	return Record{
		Group: GroupHash("web"), Seen: 0x1112131415161718, VoteEpoch: 0x2122232425262728, Epoch: 0x3132333435363738,
		Bid: 0x4142434445464748, LeaseUS: 15000, VoteNode: NodeHash("primary"), Target: NodeHash("secondary"), Ask: 0x51525354,
		Role: RoleActive, Priority: 200, Flags: recReady | recPinned, Cause: causeOf("switchover"),
	}
}

func seal(t testing.TB, key []byte, h Header, records ...Record) []byte {
	t.Helper()
	b := h.Append(nil)
	for i := range records {
		b = records[i].Append(b)
	}
	return NewSealer([][]byte{key}).Seal(b, 0)
}

// The bytes of a packet are what an older or a newer node on the other side
// reads: a change of the golden files is a change of the protocol.
func TestGoldenBytes(t *testing.T) {
	for name, b := range map[string][]byte{
		"heartbeat.hex": seal(t, keyA, goldenHeader()),
		"record.hex":    seal(t, keyA, goldenHeader(), goldenRecord()),
	} {
		file := "testdata/" + name
		if *rewrite {
			if err := os.WriteFile(file, []byte(lines(hex.EncodeToString(b))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if want := string(text); lines(hex.EncodeToString(b)) != want {
			t.Errorf("%s:\ngot\n%swant\n%s", file, lines(hex.EncodeToString(b)), want)
		}
		golden, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		h, records, err := NewSealer([][]byte{keyA}).Open(golden)
		if err != nil || h != goldenHeader() {
			t.Errorf("%s: read as %+v, %v", file, h, err)
		}
		if len(records) > 0 && parseRecord(records) != goldenRecord() {
			t.Errorf("%s: the record is read as %+v", file, parseRecord(records))
		}
	}
}

// lines breaks hex into lines of 16 bytes.
func lines(s string) string {
	var out strings.Builder
	for ; len(s) > 32; s = s[32:] {
		out.WriteString(s[:32] + "\n")
	}
	return out.String() + s + "\n"
}

func TestSizes(t *testing.T) {
	if n := len(seal(t, keyA, Header{})); n != HeartbeatSize {
		t.Errorf("a heartbeat has %d bytes, not %d", n, HeartbeatSize)
	}
	if n := len(new(Record).Append(nil)); n != recordSize {
		t.Errorf("a record has %d bytes, not %d", n, recordSize)
	}
	if MaxPacket+48 > 1280 {
		t.Errorf("the largest packet has %d bytes: with IPv6 and UDP headers it does not fit 1280", MaxPacket)
	}
}

// The hashes are on the wire: they are those of the FNV specification
// (draft-eastlake-fnv, test vectors of FNV-1a).
func TestHashesAreFNV1a(t *testing.T) {
	if NodeHash("foobar") != 0xbf9cf968 || GroupHash("foobar") != 0x85944171f73967e8 || NodeHash("") != 0x811c9dc5 {
		t.Errorf("NodeHash(foobar) = %#x, GroupHash(foobar) = %#x, NodeHash() = %#x", NodeHash("foobar"), GroupHash("foobar"), NodeHash(""))
	}
}

// The numbers of the causes are on the wire.
func TestCausesKeepTheirNumbers(t *testing.T) {
	for i, r := range causes {
		if causeOf(r) != Cause(i) || Cause(i).Reason() != r {
			t.Errorf("cause %d is %q, and %q is %d", i, Cause(i).Reason(), r, causeOf(r))
		}
	}
	if causes[5] != "switchover" || causes[16] != "priority-zero" {
		t.Errorf("causes 5 and 16 are %q and %q", causes[5], causes[16])
	}
	if Cause(255).Reason() != "" || causeOf("of the future") != 0 {
		t.Error("an unknown cause is not none")
	}
}

func TestRoundTrip(t *testing.T) {
	sealer := NewSealer([][]byte{keyA})
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		b := h.Append(nil)
		var want []Record
		for range rapid.IntRange(0, maxRecords).Draw(t, "records") {
			r := drawRecord(t)
			want = append(want, r)
			b = r.Append(b)
		}
		got, rest, err := sealer.Open(sealer.Seal(b, 0))
		if err != nil || got != h || len(rest) != len(want)*recordSize {
			t.Fatalf("got %+v and %d bytes, %v; want %+v", got, len(rest), err, h)
		}
		for i := range want {
			if r := parseRecord(rest[i*recordSize:]); r != want[i] {
				t.Fatalf("record %d: got %+v, want %+v", i, r, want[i])
			}
		}
	})
}

func drawHeader(t *rapid.T) Header {
	u8, u32, u64 := rapid.Uint8(), rapid.Uint32(), rapid.Uint64()
	return Header{
		Flags: u8.Draw(t, "flags"), Path: u8.Draw(t, "path"), EchoPath: u8.Draw(t, "echo path"),
		Sender: u32.Draw(t, "sender"), Receiver: u32.Draw(t, "receiver"), EchoDelay: u32.Draw(t, "delay"),
		Inc: u64.Draw(t, "inc"), Seq: u64.Draw(t, "seq"), EchoInc: u64.Draw(t, "echo inc"), EchoSeq: u64.Draw(t, "echo seq"),
		Version: u64.Draw(t, "version"), Ack: u64.Draw(t, "ack"), Base: u64.Draw(t, "base"), Top: u64.Draw(t, "top"),
	}
}

func drawRecord(t *rapid.T) Record {
	u8, u32, u64 := rapid.Uint8(), rapid.Uint32(), rapid.Uint64()
	return Record{
		Group: u64.Draw(t, "group"), Seen: u64.Draw(t, "seen"), VoteEpoch: u64.Draw(t, "vote"), Epoch: u64.Draw(t, "epoch"),
		Bid: u64.Draw(t, "bid"), LeaseUS: u32.Draw(t, "lease"), VoteNode: u32.Draw(t, "voted for"), Target: u32.Draw(t, "target"),
		Ask: u32.Draw(t, "ask"), Role: Role(u8.Draw(t, "role")), Priority: u8.Draw(t, "priority"),
		Flags: u8.Draw(t, "flags"), Cause: Cause(u8.Draw(t, "cause")),
	}
}

func TestOpenRefuses(t *testing.T) {
	good := seal(t, keyA, goldenHeader(), goldenRecord(), goldenRecord())
	sealer := NewSealer([][]byte{keyB, keyA})
	for n := range len(good) {
		_, _, err := sealer.Open(good[:n])
		want := ErrLength
		if n >= HeartbeatSize && (n-HeartbeatSize)%recordSize == 0 {
			want = ErrTag // as long as a packet with fewer records
		}
		if !errors.Is(err, want) {
			t.Errorf("cut to %d bytes: %v, want %v", n, err, want)
		}
	}
	for n := 1; n <= MaxPacket+recordSize-len(good); n++ {
		if _, _, err := sealer.Open(append(good[:len(good):len(good)], make([]byte, n)...)); err == nil {
			t.Errorf("%d bytes longer: accepted", n)
		}
	}
	for bit := range len(good) * 8 {
		b := bytes.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		want := ErrTag
		if bit < 8 {
			want = ErrVersion
		}
		if _, _, err := sealer.Open(b); !errors.Is(err, want) {
			t.Errorf("bit %d flipped: %v, want %v", bit, err, want)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	h := goldenHeader()
	onlyOld, onlyNew := NewSealer([][]byte{keyA}), NewSealer([][]byte{keyB})
	rotating := NewSealer([][]byte{keyB, keyA})
	if _, _, err := rotating.Open(onlyOld.Seal(h.Append(nil), 0)); err != nil {
		t.Errorf("the second key is not accepted: %v", err)
	}
	b := rotating.Seal(h.Append(nil), 0)
	if _, _, err := onlyNew.Open(b); err != nil {
		t.Errorf("the first key does not sign: %v", err)
	}
	if _, _, err := onlyOld.Open(b); !errors.Is(err, ErrTag) {
		t.Errorf("the second key signs: %v", err)
	}
	if _, _, err := NewSealer(nil).Open(b); !errors.Is(err, ErrTag) {
		t.Errorf("without a key: %v", err)
	}
}

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	sealer := NewSealer([][]byte{keyB, keyA})
	h, r, buf := goldenHeader(), goldenRecord(), make([]byte, 0, MaxPacket)
	if n := testing.AllocsPerRun(1000, func() {
		b := h.Append(buf)
		b = r.Append(b)
		b = sealer.Seal(b, 0)
		if _, _, err := sealer.Open(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(seal(f, keyA, goldenHeader()))
	f.Add(seal(f, keyA, goldenHeader(), goldenRecord()))
	f.Add([]byte{})
	f.Add(make([]byte, HeartbeatSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		sealer := NewSealer([][]byte{keyA})
		if h, records, err := sealer.Open(b); err == nil {
			again := append(h.Append(nil), records...)
			if !bytes.Equal(sealer.Seal(again, 0)[:headerSize-4], b[:headerSize-4]) {
				t.Fatalf("%x reads as %+v and is written as %x", b, h, again)
			}
		}
		// With its tag made good, whatever the fuzzer writes reaches the parser.
		if len(b) > tagSize {
			if h, _, err := sealer.Open(sealer.Seal(bytes.Clone(b[:len(b)-tagSize]), 0)); err == nil && b[0] != Version {
				t.Fatalf("version %d is accepted: %+v", b[0], h)
			}
		}
	})
}

func BenchmarkSealOpen(b *testing.B) {
	sealer := NewSealer([][]byte{keyA})
	h, buf := goldenHeader(), make([]byte, 0, MaxPacket)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := sealer.Open(sealer.Seal(h.Append(buf), 0)); err != nil {
			b.Fatal(err)
		}
	}
}
