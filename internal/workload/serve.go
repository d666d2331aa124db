package workload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Server answers with its ID: over HTTP in text/plain, over UDP with the
// sequence number of the request before it. HTTP answers every path and method.
type Server struct {
	ID string

	tcp net.Listener
	udp []datagrams
}

// datagrams is a UDP socket that knows to which address a request was sent. The
// answer leaves from that address: the kernel would choose another one of the
// host's, and the client would not know it.
type datagrams interface {
	read(b []byte) (n int, from net.Addr, to any, err error)
	write(b []byte, to net.Addr, from any) error
	close() error
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
	if s.udp, err = listenUDP(host, listen, chosen); err != nil {
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
	for _, conn := range s.udp {
		go func() { answered <- s.answerUDP(conn) }()
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-answered:
	}
	_ = web.Close()
	for _, conn := range s.udp {
		_ = conn.close()
	}
	return failed
}

func (s *Server) answerHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, s.ID)
}

func (s *Server) answerUDP(conn datagrams) error {
	request, answer := make([]byte, 2048), make([]byte, 0, seqSize+maxIDSize)
	for {
		n, from, to, err := conn.read(request)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive a request: %w", err)
		}
		if answer, err = appendAnswer(answer[:0], request[:n], s.ID); err == nil {
			// The address may have left this host since the request came: that
			// request stays without an answer, as it should.
			_ = conn.write(answer, from, to)
		}
	}
}

func listenUDP(host string, listen netip.Addr, port int) (open []datagrams, err error) {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	if host == "" || listen.Unmap().Is4() {
		conn, err := net.ListenPacket("udp4", address)
		if err != nil {
			return nil, err
		}
		four := udp4{ipv4.NewPacketConn(conn)}
		open = append(open, four)
		if err := four.SetControlMessage(ipv4.FlagDst, true); err != nil {
			return nil, errors.Join(fmt.Errorf("ask for the address of requests: %w", err), four.close())
		}
	}
	if host == "" || listen.Is6() && !listen.Is4In6() {
		conn, err := net.ListenPacket("udp6", address)
		if err != nil && host == "" {
			return open, nil // a host without IPv6
		}
		if err != nil {
			return nil, err
		}
		six := udp6{ipv6.NewPacketConn(conn)}
		if err := six.SetControlMessage(ipv6.FlagDst, true); err != nil {
			return nil, errors.Join(fmt.Errorf("ask for the address of requests: %w", err), six.close())
		}
		open = append(open, six)
	}
	return open, nil
}

type udp4 struct{ *ipv4.PacketConn }

func (u udp4) close() error { return u.Close() }

func (u udp4) read(b []byte) (int, net.Addr, any, error) {
	n, cm, from, err := u.ReadFrom(b)
	return n, from, cm, err
}

func (u udp4) write(b []byte, to net.Addr, from any) error {
	var cm *ipv4.ControlMessage
	if got, _ := from.(*ipv4.ControlMessage); got != nil {
		cm = &ipv4.ControlMessage{Src: got.Dst}
	}
	_, err := u.WriteTo(b, cm, to)
	return err
}

type udp6 struct{ *ipv6.PacketConn }

func (u udp6) close() error { return u.Close() }

func (u udp6) read(b []byte) (int, net.Addr, any, error) {
	n, cm, from, err := u.ReadFrom(b)
	return n, from, cm, err
}

func (u udp6) write(b []byte, to net.Addr, from any) error {
	var cm *ipv6.ControlMessage
	if got, _ := from.(*ipv6.ControlMessage); got != nil {
		cm = &ipv6.ControlMessage{Src: got.Dst}
	}
	_, err := u.WriteTo(b, cm, to)
	return err
}
