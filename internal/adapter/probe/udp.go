package probe

import (
	"bytes"
	"context"
	"net"
	"time"

	"stead/internal/core"
)

// udpProbe sends one datagram and waits for one in answer that holds Expect,
// or for any where nothing is expected. The socket is kept between runs that
// pass; after any other it is made anew, on another port, so that an answer to
// an old question is never taken for one to a new.
type udpProbe struct {
	network, address string
	send, expect     []byte
	timeout          time.Duration
	conn             net.Conn
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
	return Probe{Run: p.run, Close: p.close}, nil
}

func (p *udpProbe) close() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

func (p *udpProbe) run(ctx context.Context, deadline time.Time) (result Result) {
	if err := p.open(ctx, deadline); err != nil {
		return netResult(err, p.timeout)
	}
	conn := p.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	result = p.ask()
	stop()
	if result.Outcome != core.Passed {
		p.close()
	}
	return result
}

// open makes the socket, or empties the one there is: a datagram that was sent
// twice must not answer the next question.
func (p *udpProbe) open(ctx context.Context, deadline time.Time) (err error) {
	if p.conn == nil {
		p.conn, err = dial(ctx, p.network, p.address, deadline)
		return err
	}
	for range 64 {
		if readArrived(p.conn.(*lateReader).Conn, p.buf) == 0 {
			break
		}
	}
	return p.conn.SetDeadline(deadline)
}

func (p *udpProbe) ask() Result {
	if _, err := p.conn.Write(p.send); err != nil {
		return netResult(err, p.timeout)
	}
	n, err := p.conn.Read(p.buf)
	if err != nil {
		return netResult(err, p.timeout)
	}
	if !bytes.Contains(p.buf[:n], p.expect) {
		return failed(notExpected(p.buf[:n], "unexpected answer"))
	}
	return passed()
}
