package probe

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/core"
)

func TestTCP(t *testing.T) {
	l := listen(t)
	each(t, l, func(conn net.Conn) {
		defer conn.Close()
		_, _ = io.WriteString(conn, "220 rea")
		_, _ = io.WriteString(conn, "dy\r\n")
		var in [4]byte
		if _, err := io.ReadFull(conn, in[:]); err == nil && string(in[:]) == "PING" {
			_, _ = io.WriteString(conn, "PONG")
		}
	})
	addr := l.Addr().String()
	check := config.Check{Kind: config.CheckTCP, Target: addr}
	want(t, run(build(t, check), generous), core.Passed, "")
	check.Expect = "220 ready"
	want(t, run(build(t, check), generous), core.Passed, "")
	check.Send, check.Expect = "PING", "PONG"
	want(t, run(build(t, check), generous), core.Passed, "")
	check.Send = "OTHER"
	want(t, run(build(t, check), generous), core.Failed, "")
	_ = l.Close()
	want(t, run(build(t, check), generous), core.Failed, "refused")
}

func TestTCPBySocketInTheFileSystem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	each(t, l, func(conn net.Conn) { _ = conn.Close() })
	p := build(t, config.Check{Kind: config.CheckTCP, Target: "unix:" + path})
	want(t, run(p, generous), core.Passed, "")
	_ = l.Close()
	want(t, run(p, generous), core.Failed, "no such file")
}

func TestTCPTimeoutIsAFailure(t *testing.T) {
	l := listen(t) // the kernel connects; nobody ever answers
	r := run(build(t, config.Check{Kind: config.CheckTCP, Target: l.Addr().String(), Expect: "x", Timeout: brief}), brief)
	want(t, r, core.Failed, "no answer within 30ms")
	if !r.TimedOut {
		t.Error("not marked as a timeout")
	}
}

func TestUnknownNameIsNotAFailure(t *testing.T) {
	for _, c := range []config.Check{
		{Kind: config.CheckTCP, Target: "no-such-host.invalid:80"},
		{Kind: config.CheckUDP, Target: "no-such-host.invalid:80"},
		{Kind: config.CheckHTTP, Target: "http://no-such-host.invalid/"},
	} {
		want(t, run(build(t, c), 2*time.Second), core.CouldNotRun, "look up no-such-host.invalid")
	}
}

// An answer that lies in the socket counts, however late this process looks.
func TestAnswerThatArrivedBeatsTheDeadline(t *testing.T) {
	here, there := socketPair(t)
	if _, err := there.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	if err := here.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	late := &lateReader{here}
	var buf [16]byte
	n, err := late.Read(buf[:])
	if err != nil || string(buf[:n]) != "answer" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if _, err := late.Read(buf[:]); !isTimeout(err) {
		t.Errorf("with nothing there: %v, want a timeout", err)
	}
}

func socketPair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l := listen(t)
	here, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	there, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return here, there
}

func TestUDP(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var buf [100]byte
		for {
			_, from, err := server.ReadFrom(buf[:])
			if err != nil {
				return
			}
			if a := <-answers; a != "" {
				_, _ = server.WriteTo([]byte(a), from)
				_, _ = server.WriteTo([]byte("echo of "+a), from)
			}
		}
	}()
	defer func() { _ = server.Close(); <-done }()

	p := build(t, config.Check{Kind: config.CheckUDP, Target: server.LocalAddr().String(), Send: "?", Expect: "fine", Timeout: brief})
	answers <- "I am fine"
	want(t, run(p, generous), core.Passed, "")
	answers <- "fine again" // the second datagram of the first answer is not taken for this one
	want(t, run(p, generous), core.Passed, "")
	answers <- "so so"
	want(t, run(p, generous), core.Failed, `unexpected answer "so so"`)
	answers <- ""
	want(t, run(p, brief), core.Failed, "no answer within")
	answers <- "fine"
	want(t, run(p, generous), core.Passed, "")
	_ = server.Close()
	<-done
	want(t, run(p, generous), core.Failed, "refused")
	want(t, run(p, generous), core.Failed, "refused")
}

func TestStopEndsARunAtOnce(t *testing.T) {
	l := listen(t)
	for _, c := range []config.Check{
		{Kind: config.CheckTCP, Target: l.Addr().String(), Expect: "x"},
		{Kind: config.CheckHTTP, Target: "http://" + l.Addr().String()},
		{Kind: config.CheckExec, Command: []string{"sleep", "600"}},
	} {
		p := build(t, c)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan Result)
		go func() { ended <- p.Run(ctx, time.Now().Add(time.Hour)) }()
		if c.Kind != config.CheckExec {
			conn, err := l.Accept() // the run is under way
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		cancel()
		select {
		case <-ended:
		case <-time.After(generous):
			t.Fatalf("%s: the run did not end", c.Kind)
		}
	}
}
