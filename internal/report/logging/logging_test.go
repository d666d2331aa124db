package logging

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stead/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const generous = 20 * time.Second

// buffer is a standard error to look at.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func must(t *testing.T, cfg config.Log, stderr io.Writer) *Log {
	t.Helper()
	l, err := open(cfg, stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(0); <-l.sink.finished })
	return l
}

// say logs one event the way the daemon does.
func say(l *Log) {
	l.Warn("hook-failed", "group", "web", "reason", "hook-failed", "detail", "two\nlines = \"q\" ]", slog.Uint64("epoch", 7))
}

func TestStandardError(t *testing.T) {
	for format, want := range map[string]string{
		"text": `^time=\S+ level=WARN msg=hook-failed group=web reason=hook-failed detail="two\\nlines = \\"q\\" \]" epoch=7\n$`,
		"":     `^time=\S+ level=WARN msg=hook-failed `,
		"json": `^\{"time":"[^"]+","level":"WARN","msg":"hook-failed","group":"web","reason":"hook-failed","detail":"two\\nlines = \\"q\\" \]","epoch":7\}\n$`,
	} {
		var out buffer
		l := must(t, config.Log{Format: format, Level: "warn"}, &out)
		l.Info("not to be seen")
		say(l)
		l.Close(generous)
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("%q: %q, want %s", format, out.String(), want)
		}
		l.Info("after the end")
		if Dropped(l.Logger) != 0 {
			t.Errorf("%d dropped", Dropped(l.Logger))
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, cfg := range []config.Log{
		{Level: "loud"}, {Target: "paper"}, {Target: "syslog", Syslog: "mail://x:1"}, {Target: "syslog", Syslog: "udp://x"},
	} {
		if l, err := open(cfg, io.Discard); err == nil {
			l.Close(0)
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

// A reader that does not read holds nobody up. The end is bounded, too.
func TestReaderThatDoesNotRead(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Fd() // blocking from here on, as standard error is
	l := must(t, config.Log{}, out)
	began := time.Now()
	long := strings.Repeat("x", 200)
	for i := range 5000 {
		l.Info("line", "i", i, "long", long)
	}
	if took := time.Since(began); took > generous/4 {
		t.Errorf("5000 records took %v", took)
	}
	if n := Dropped(l.Logger); n < 2000 {
		t.Errorf("%d dropped", n)
	}
	began = time.Now()
	l.Close(20 * time.Millisecond)
	if took := time.Since(began); took > generous/4 {
		t.Errorf("Close took %v", took)
	}
	// The reader comes back: what was kept is the latest, and what is missing is said.
	read := make(chan string)
	go func() { text, _ := io.ReadAll(in); read <- string(text) }()
	<-l.sink.finished
	_ = out.Close()
	text := <-read
	if !strings.Contains(text, "i=4999") || !strings.Contains(text, "log records were dropped") || strings.Contains(text, "i=3000 ") {
		t.Errorf("%d bytes were read; the last record is to be among them, and that others are missing", len(text))
	}
}

func TestDroppedRecordsAreSaid(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	_ = in.SetReadDeadline(time.Now().Add(generous))
	defer out.Close()
	_ = out.Fd()
	l := must(t, config.Log{}, out)
	for range 4000 {
		l.Info(strings.Repeat("x", 200))
	}
	said, lines := 0, bufio.NewScanner(in)
	for lines.Scan() {
		if m := regexp.MustCompile(`msg="log records were dropped" records=(\d+)$`).FindStringSubmatch(lines.Text()); m != nil {
			n, _ := strconv.Atoi(m[1])
			if said += n; said == int(Dropped(l.Logger)) && said > 1000 {
				go func() { _, _ = io.Copy(io.Discard, in) }()
				l.Close(generous)
				return
			}
		}
	}
	t.Errorf("said %d, dropped %d", said, Dropped(l.Logger))
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	s := newSink(&journal{path: path})
	l := slog.New(&fields{level: slog.LevelInfo, out: s, encode: encodeJournal})
	go s.run()
	defer s.Close(generous)
	l.Debug("not to be seen")
	l.With("unit-7", "x").Warn("hook-failed", "group", "web", "reason", "hook-failed", "detail", "two\nlines", slog.Uint64("epoch", 7))
	got := decodeJournal(t, read(t, socket))
	for name, want := range map[string]string{
		"MESSAGE": `hook-failed unit-7=x group=web reason=hook-failed detail="two lines" epoch=7`, "PRIORITY": "4", "SYSLOG_IDENTIFIER": "stead",
		"STEAD_EVENT": "hook-failed", "STEAD_GROUP": "web", "STEAD_REASON": "hook-failed", "STEAD_DETAIL": "two\nlines", "STEAD_EPOCH": "7", "STEAD_UNIT_7": "x",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	l.Error("overlay", "problem", "x")
	if got := decodeJournal(t, read(t, socket)); got["PRIORITY"] != "3" || got["STEAD_EVENT"] != "" || got["STEAD_PROBLEM"] != "x" {
		t.Errorf("%v", got)
	}
}

func read(t *testing.T, conn net.PacketConn) []byte {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(generous))
	buffer := make([]byte, 1<<16)
	n, _, err := conn.ReadFrom(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return buffer[:n]
}

// decodeJournal reads the native protocol.
func decodeJournal(t *testing.T, record []byte) map[string]string {
	t.Helper()
	got := map[string]string{}
	for len(record) > 0 {
		name, rest, found := bytes.Cut(record, []byte("\n"))
		if !found {
			t.Fatalf("no end of line after %q", record)
		}
		if key, value, inline := strings.Cut(string(name), "="); inline {
			got[key] = value
			record = rest
			continue
		}
		n := binary.LittleEndian.Uint64(rest)
		got[string(name)] = string(rest[8 : 8+n])
		if rest[8+n] != '\n' {
			t.Fatalf("no end of line after the value of %s", name)
		}
		record = rest[8+n+1:]
	}
	return got
}

func TestSyslogOverUDP(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	l := must(t, config.Log{Target: "syslog", Syslog: "udp://" + server.LocalAddr().String()}, io.Discard)
	say(l)
	want := `^<28>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ stead ` + fmt.Sprint(os.Getpid()) +
		` hook-failed \[stead@32473 group="web" reason="hook-failed" detail="two lines = \\"q\\" \\\]" epoch="7"\] hook-failed$`
	if got := string(read(t, server)); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%q, want %s", got, want)
	}
	l.Info("caf\u00e9")
	if got := string(read(t, server)); !strings.HasPrefix(got, "<30>1 ") || !strings.HasSuffix(got, " - - \ufeffcaf\u00e9") {
		t.Errorf("%q", got)
	}
}

func TestSyslogOverTCPComesBack(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := server.Addr().String()
	_ = server.Close()
	var out buffer
	l := must(t, config.Log{Target: "syslog", Format: "json", Syslog: "tcp://" + address}, &out)
	say(l)
	for deadline := time.Now().Add(generous); !strings.Contains(out.String(), "it is tried again"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing is said of a server that is away: %q", out.String())
		}
	}
	if server, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var length int
	in := bufio.NewReader(conn)
	if _, err := fmt.Fscanf(in, "%d ", &length); err != nil {
		t.Fatal(err)
	}
	record := make([]byte, length)
	if _, err := io.ReadFull(in, record); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(record), " hook-failed - ")
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil || got["group"] != "web" || got["level"] != "WARN" || got["msg"] != "hook-failed" {
		t.Errorf("%v: %q", err, record)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines on standard error: %s", n, out.String())
	}
}

func TestSyslogOfTheMachine(t *testing.T) {
	want := `^<28>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d stead\[\d+\]: hook-failed group=web reason=hook-failed detail="two lines = \\"q\\" \]" epoch=7\n?$`
	path := filepath.Join(t.TempDir(), "log")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	say(must(t, config.Log{Target: "syslog", Syslog: path}, io.Discard))
	if got := string(read(t, socket)); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%q, want %s", got, want)
	}

	path = filepath.Join(t.TempDir(), "stream")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	say(must(t, config.Log{Target: "syslog", Syslog: path}, io.Discard))
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%q %v, want %s", got, err, want)
	}
}

// A log whose target never comes does not keep the daemon from ending, and says
// that records are lost.
func TestTargetThatNeverComes(t *testing.T) {
	var out buffer
	l := must(t, config.Log{Target: "syslog", Syslog: filepath.Join(t.TempDir(), "none")}, &out)
	say(l)
	say(l)
	l.Close(generous)
	if Dropped(l.Logger) != 2 || !strings.Contains(out.String(), "no such file") {
		t.Errorf("%d dropped; %s", Dropped(l.Logger), out.String())
	}
}

func TestGroupsOfAttributes(t *testing.T) {
	var got []field
	h := &fields{out: io.Discard, encode: func(_ *slog.Record, f []field) []byte { got = f; return nil }}
	slog.New(h).With("a", 1).WithGroup("g").With("b", 2).Info("m", slog.Group("in", "c", 3), "d", 4)
	if fmt.Sprint(got) != "[{a 1} {g.b 2} {g.in.c 3} {g.d 4}]" {
		t.Errorf("%v", got)
	}
}
