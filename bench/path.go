package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"stead/bench/world"
	"stead/internal/workload"
)

// What is sent through a tunnel in one round.
const (
	burst     = 500 * time.Millisecond // of bytes
	exchanges = 2000                   // of a few bytes, one after the other
)

// path is what a tunnel carries, one value for each round.
type path struct {
	Name     string    `json:"path"`
	GbitPerS []float64 `json:"gbit_per_s"`
	RoundUS  []float64 `json:"round_trip_us"` // the median of a round
}

// measurePaths compares the overlay of a pair, to its service address and through
// its fence, with a tunnel made by hand between the same hosts.
func measurePaths(pair world.Pair, rounds int) ([]path, error) {
	t, err := begin(pair, false)
	if err != nil {
		return nil, err
	}
	defer t.end()
	if t.victim != world.Primary { // it would move on its own before long
		if err := pair.Switchover(t.w, t.victim, world.Primary); err != nil {
			return nil, err
		}
		t.victim, t.other = t.other, t.victim
	}
	if err := t.w.Tunnel(pair.Device, map[string]string{t.victim: "192.168.1.10/24", world.Client: "192.168.1.4/24"}); err != nil {
		return nil, err
	}
	if err := t.w.In(t.victim, serveSinks); err != nil {
		return nil, err
	}
	paths := []path{{Name: "by hand"}, {Name: pair.Name}}
	addresses := []string{"192.168.1.10", pair.VIP.String()}
	for round := range 2 * rounds {
		i := (round + round/2) % 2 // who is first changes with each round
		progress(fmt.Sprintf("path, %d of %d", round/2+1, rounds))
		err := t.w.In(world.Client, func() error { return paths[i].measure(addresses[i]) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", paths[i].Name, err)
		}
	}
	progress("")
	return paths, nil
}

// The ports of serveSinks.
const (
	sinkPort = "5001"
	echoPort = "5002"
)

// serveSinks takes bytes and says how many came, and echoes what comes to another
// port, until the program ends.
func serveSinks() error {
	return errors.Join(
		serve(sinkPort, func(conn net.Conn) {
			n, _ := io.Copy(io.Discard, conn)
			fmt.Fprintln(conn, n)
		}),
		serve(echoPort, func(conn net.Conn) {
			b := make([]byte, 1500)
			for n, err := conn.Read(b); err == nil; n, err = conn.Read(b) {
				_, _ = conn.Write(b[:n])
			}
		}),
	)
}

func serve(port string, talk func(net.Conn)) error {
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go func() {
				defer conn.Close()
				talk(conn)
			}()
		}
	}()
	return nil
}

func (p *path) measure(address string) error {
	gbit, err := bandwidth(net.JoinHostPort(address, sinkPort))
	if err != nil {
		return err
	}
	us, err := roundTrip(net.JoinHostPort(address, echoPort))
	if err != nil {
		return err
	}
	p.GbitPerS, p.RoundUS = append(p.GbitPerS, gbit), append(p.RoundUS, us)
	return nil
}

// bandwidth is how fast bytes arrive, in Gbit/s.
func bandwidth(address string) (float64, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	start := workload.Now()
	block := make([]byte, 256<<10)
	for workload.Now().Sub(start) < burst {
		if _, err := conn.Write(block); err != nil {
			return 0, err
		}
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return 0, err
	}
	var arrived int64
	if _, err := fmt.Fscan(conn, &arrived); err != nil {
		return 0, err
	}
	return float64(arrived) * 8 / float64(workload.Now().Sub(start).Nanoseconds()), nil
}

// roundTrip is the median time of an exchange in microseconds.
func roundTrip(address string) (float64, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	b := make([]byte, 64)
	var took []float64
	for range exchanges {
		start := workload.Now()
		if _, err := conn.Write(b); err != nil {
			return 0, err
		}
		if _, err := conn.Read(b); err != nil {
			return 0, err
		}
		took = append(took, float64(workload.Now().Sub(start).Nanoseconds())/1000)
	}
	return quantile(took, 0.5), nil
}

// printPaths writes the second path beside the first, with the median of the
// ratios of each round.
func printPaths(out io.Writer, paths []path) {
	if len(paths) != 2 {
		return
	}
	hand, stead := paths[0], paths[1]
	fmt.Fprintf(out, "\n| Through the tunnel | by hand | %s | ratio |\n|---|---|---|---|\n", stead.Name)
	fmt.Fprintf(out, "| bandwidth, Gbit/s | %.2f | %.2f | %.3f |\n", quantile(hand.GbitPerS, 0.5), quantile(stead.GbitPerS, 0.5), medianRatio(stead.GbitPerS, hand.GbitPerS))
	fmt.Fprintf(out, "| round trip, µs | %.1f | %.1f | %.3f |\n", quantile(hand.RoundUS, 0.5), quantile(stead.RoundUS, 0.5), medianRatio(stead.RoundUS, hand.RoundUS))
}

func medianRatio(a, b []float64) float64 {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i]/b[i])
	}
	return quantile(ratios, 0.5)
}
