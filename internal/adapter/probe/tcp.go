package probe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"
)

// tcpProbe connects, says Send where there is one, and waits for Expect where
// there is one. Each run is a connection of its own: that it can be made is
// what is asked.
type tcpProbe struct {
	network, address string
	send, expect     []byte
	timeout          time.Duration
	buf              []byte
}

func newTCP(t Target) (Probe, error) {
	network, addr, err := address("tcp", t.Check.Target)
	if err != nil {
		return Probe{}, err
	}
	p := &tcpProbe{network: network, address: addr, send: []byte(t.Send), expect: []byte(t.Expect), timeout: t.Timeout}
	if len(p.expect) > 0 {
		p.buf = make([]byte, answerLimit)
	}
	return Probe{Run: p.run}, nil
}

func (p *tcpProbe) run(ctx context.Context, deadline time.Time) Result {
	conn, err := dial(ctx, p.network, p.address, deadline)
	if err != nil {
		return netResult(err, p.timeout)
	}
	defer closeOnDone(ctx, conn)()
	if len(p.send) > 0 {
		if _, err := conn.Write(p.send); err != nil {
			return netResult(err, p.timeout)
		}
	}
	if len(p.expect) == 0 {
		return passed()
	}
	return p.await(conn)
}

// await reads until the expected text has come.
func (p *tcpProbe) await(conn net.Conn) Result {
	for have := 0; have < len(p.buf); {
		n, err := conn.Read(p.buf[have:])
		// The text may begin in what came before.
		from := max(0, have-len(p.expect)+1)
		have += n
		if bytes.Contains(p.buf[from:have], p.expect) {
			return passed()
		}
		if errors.Is(err, io.EOF) {
			return failed(notExpected(p.buf[:have], "closed after"))
		}
		if isTimeout(err) && have > 0 {
			return timedOut(notExpected(p.buf[:have], "no more within "+p.timeout.String()+" than"))
		}
		if err != nil {
			return netResult(err, p.timeout)
		}
	}
	return failed("the expected text is not in the first " + strconv.Itoa(len(p.buf)) + " bytes")
}

// notExpected shows the beginning of an answer that is not what was expected.
func notExpected(answer []byte, how string) string {
	const show = 60
	if len(answer) > show {
		return how + " " + strconv.Quote(string(answer[:show])) + "…"
	}
	return how + " " + strconv.Quote(string(answer))
}

// closeOnDone returns a function that closes the connection of a run. Should
// ctx be done before, reads and writes of the connection end at once.
func closeOnDone(ctx context.Context, conn net.Conn) func() {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		abort(conn)
	}
}

func abort(conn net.Conn) {
	if c, ok := conn.(*lateReader); ok {
		c.abort()
		return
	}
	_ = conn.Close()
}
