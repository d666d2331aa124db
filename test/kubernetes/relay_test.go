package kubernetes

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay passes bytes on between its clients and a server, until it is told to
// keep those of the connections that there are to itself.
type relay struct {
	address string
	mu      sync.Mutex
	pipes   []*pipe
}

// pipe is one direction of a connection, or both.
type pipe struct {
	mu     sync.Mutex
	frozen bool
}

func relayTo(t *testing.T, server string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	r := &relay{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			target, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			t.Cleanup(func() { client.Close(); target.Close() })
			r.join(client, target)
		}
	}()
	return r
}

func (r *relay) join(a, b net.Conn) {
	p := &pipe{}
	r.mu.Lock()
	r.pipes = append(r.pipes, p)
	r.mu.Unlock()
	go io.Copy(&gated{a, p}, b)
	go io.Copy(&gated{b, p}, a)
}

// freeze lets nothing through on the connections that there are.
func (r *relay) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pipes {
		p.mu.Lock()
		p.frozen = true
		p.mu.Unlock()
	}
}

func (r *relay) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pipes)
}

// gated drops what is written to a frozen pipe.
type gated struct {
	io.Writer
	pipe *pipe
}

func (g *gated) Write(b []byte) (int, error) {
	g.pipe.mu.Lock()
	defer g.pipe.mu.Unlock()
	if g.pipe.frozen {
		return len(b), nil
	}
	return g.Writer.Write(b)
}
