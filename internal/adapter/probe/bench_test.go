package probe

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/core"
)

// benchmark measures one run of a check, its server on this machine included.
func benchmark(b *testing.B, c config.Check) {
	c.Timeout = generous
	p := build(b, c)
	b.ReportAllocs()
	for b.Loop() {
		if r := run(p, generous); r.Outcome != core.Passed {
			b.Fatal(r.Detail)
		}
	}
}

func BenchmarkHTTP(b *testing.B) {
	url, _ := site(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "primary") })
	benchmark(b, config.Check{Kind: config.CheckHTTP, Target: url, Expect: "primary"})
}

func BenchmarkTCP(b *testing.B) {
	l := listen(b)
	each(b, l, func(conn net.Conn) { _ = conn.Close() })
	benchmark(b, config.Check{Kind: config.CheckTCP, Target: l.Addr().String()})
}

func BenchmarkUDP(b *testing.B) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var buf [100]byte
		for {
			n, from, err := server.ReadFrom(buf[:])
			if err != nil {
				return
			}
			_, _ = server.WriteTo(buf[:n], from)
		}
	}()
	b.Cleanup(func() { _ = server.Close(); <-done })
	benchmark(b, config.Check{Kind: config.CheckUDP, Target: server.LocalAddr().String(), Send: "?"})
}

func BenchmarkProcess(b *testing.B) {
	benchmark(b, config.Check{Kind: config.CheckProcess, Target: "probe.test"})
}

func BenchmarkFile(b *testing.B) {
	benchmark(b, config.Check{Kind: config.CheckFile, Target: "/etc/passwd", MaxAge: 1 << 62})
}

func BenchmarkInterface(b *testing.B) {
	benchmark(b, config.Check{Kind: config.CheckInterface, Target: "lo"})
}

func BenchmarkExec(b *testing.B) {
	benchmark(b, config.Check{Kind: config.CheckExec, Command: []string{"true"}, Interval: time.Second})
}
