package probe

import (
	"bytes"
	"context"
	"net"
	"time"
)

// udpProbe sends one datagram and waits for one in answer that holds Expect,
// or for any where nothing is expected. Each run has a socket of its own, on
// another port, so that a late or a second answer to an old question is never
// taken for one to a new.
type udpProbe struct {
	network, address string
	send, expect     []byte
	timeout          time.Duration
	buf              []byte
}

func newUDP(t Target) (Probe, error) {
	network, addr, err := address("udp", t.Check.Target)
	if err != nil {
		return Probe{}, err
	}
	p := &udpProbe{
		network: network, address: addr, send: []byte(t.Send), expect: []byte(t.Expect),
		timeout: t.Timeout, buf: make([]byte, answerLimit),
	}
	return Probe{Run: p.run}, nil
}

func (p *udpProbe) run(ctx context.Context, deadline time.Time) Result {
	conn, err := dial(ctx, p.network, p.address, deadline)
	if err != nil {
		return netResult(err, p.timeout)
	}
	defer closeOnDone(ctx, conn)()
	return p.ask(conn)
}

func (p *udpProbe) ask(conn net.Conn) Result {
	if _, err := conn.Write(p.send); err != nil {
		return netResult(err, p.timeout)
	}
	n, err := conn.Read(p.buf)
	if err != nil {
		return netResult(err, p.timeout)
	}
	if !bytes.Contains(p.buf[:n], p.expect) {
		return failed(notExpected(p.buf[:n], "unexpected answer"))
	}
	return passed()
}
