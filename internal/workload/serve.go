package workload

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// Server answers with its ID: over HTTP in text/plain, over UDP with the
// sequence number of the request before it. HTTP answers every path and method.
type Server struct {
	ID       string
	Realtime bool // answer UDP with real-time priority, where permitted; set it before Serve

	tcp net.Listener
	udp []*udpServer
}

// Listen opens the TCP and UDP sockets of a server. An unspecified listen
// address, or the zero one, takes every address of the host, IPv4 and IPv6.
func Listen(id string, listen netip.Addr, port uint16) (*Server, error) {
	if id == "" || len(id) > maxIDSize {
		return nil, fmt.Errorf("id %q: choose 1 to %d bytes", id, maxIDSize)
	}
	host := ""
	if listen.IsValid() && !listen.IsUnspecified() {
		host = listen.String()
	}
	tcp, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
	if err != nil {
		return nil, fmt.Errorf("serve HTTP: %w", err)
	}
	s := &Server{ID: id, tcp: tcp}
	// Port 0 asks the kernel to choose one: UDP takes the same.
	chosen := tcp.Addr().(*net.TCPAddr).Port
	if s.udp, err = listenUDP(listen, uint16(chosen)); err != nil {
		_ = tcp.Close()
		return nil, fmt.Errorf("serve UDP: %w", err)
	}
	return s, nil
}

// Addr is where the server listens.
func (s *Server) Addr() netip.AddrPort {
	return s.tcp.Addr().(*net.TCPAddr).AddrPort()
}

// Serve answers until the context ends.
func (s *Server) Serve(ctx context.Context) error {
	answered := make(chan error, 1+len(s.udp))
	web := &http.Server{Handler: http.HandlerFunc(s.answerHTTP), ReadHeaderTimeout: 5 * time.Second}
	go func() { answered <- web.Serve(s.tcp) }()
	for _, u := range s.udp {
		go func() { answered <- u.answer(s.ID, s.Realtime) }()
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-answered:
	}
	_ = web.Close()
	for _, u := range s.udp {
		u.end()
	}
	return failed
}

func (s *Server) answerHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, s.ID)
}
