package probe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connectionAge is for how long a connection is used. A service that answers on
// old connections and accepts no new ones is down, and this is how long it can
// hide that.
const connectionAge = time.Second

// httpProbe asks over one HTTP/1.1 connection that it keeps. It follows no
// redirect. It is written on the connection itself, without http.Transport,
// whose goroutines and pools cost more than the request.
type httpProbe struct {
	network, address string
	tls              *tls.Config // nil: plain
	request          []byte
	head             *http.Request // tells the parser which method an answer belongs to
	status           []int
	expect           []byte
	timeout          time.Duration
	body             []byte
	got              int // bytes of the last answer in body

	conn  net.Conn
	bytes *bufio.Reader
	since time.Time // when the connection was made
}

// newHTTP understands http://, https://, https+insecure:// (the certificate is
// not verified) and, for a socket in the file system, http://unix:/path:/uri.
func newHTTP(t Target) (Probe, error) {
	p, err := httpOf(t)
	if err != nil {
		return Probe{}, err
	}
	return Probe{Run: p.run, Close: p.drop}, nil
}

func httpOf(t Target) (*httpProbe, error) {
	u, err := url.Parse(t.Check.Target)
	if err != nil {
		return nil, err
	}
	p := &httpProbe{
		status: t.Status, expect: []byte(t.Expect), timeout: t.Timeout,
		body: make([]byte, answerLimit), bytes: bufio.NewReaderSize(nil, 4096),
	}
	if err := p.secure(u); err != nil {
		return nil, err
	}
	if err := p.locate(u); err != nil {
		return nil, err
	}
	if err := p.compose(u); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *httpProbe) secure(u *url.URL) error {
	switch u.Scheme {
	case "http":
	case "https", "https+insecure":
		p.tls = &tls.Config{
			ServerName:         u.Hostname(),
			InsecureSkipVerify: u.Scheme == "https+insecure",
			NextProtos:         []string{"http/1.1"},
		}
	default:
		return fmt.Errorf("%q: not a URL for a check: want http://, https:// or https+insecure://", u.String())
	}
	return nil
}

// locate finds where to connect to, and takes the socket's path off the URL's.
func (p *httpProbe) locate(u *url.URL) error {
	if u.Host == "unix:" {
		path, uri, _ := strings.Cut(u.Path, ":")
		p.network, p.address = "unix", path
		u.Host, u.Path, u.RawPath = "localhost", uri, ""
		return nil
	}
	if u.Hostname() == "" {
		return fmt.Errorf("%q: no host in the URL", u.String())
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if p.tls != nil {
			port = "443"
		}
	}
	p.network, p.address = "tcp", net.JoinHostPort(u.Hostname(), port)
	return nil
}

func (p *httpProbe) compose(u *url.URL) error {
	request, err := http.NewRequest(http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "stead")
	if u.User != nil {
		password, _ := u.User.Password()
		request.SetBasicAuth(u.User.Username(), password)
	}
	var b bytes.Buffer
	if err := request.Write(&b); err != nil {
		return err
	}
	p.head, p.request = request, b.Bytes()
	return nil
}

func (p *httpProbe) run(ctx context.Context, deadline time.Time) Result {
	kept := p.conn != nil && now().Sub(p.since) < connectionAge
	if kept {
		result, stale := p.exchange(ctx, deadline, true)
		if !stale {
			return result
		}
	}
	// A kept connection that the server closed in between says nothing. A new
	// one has to be had within the same run.
	p.drop()
	if err := p.connect(ctx, deadline); err != nil {
		return p.noAnswer(err)
	}
	result, _ := p.exchange(ctx, deadline, false)
	return result
}

func (p *httpProbe) connect(ctx context.Context, deadline time.Time) error {
	conn, err := dial(ctx, p.network, p.address, deadline)
	if err != nil {
		return err
	}
	if p.tls != nil {
		secured := tls.Client(conn, p.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return err
		}
		conn = secured
	}
	p.conn, p.since = conn, now()
	p.bytes.Reset(conn)
	return nil
}

// noAnswer is the result of an error before anything of an answer came.
func (p *httpProbe) noAnswer(err error) Result {
	if errors.Is(err, io.EOF) {
		return failed("closed by the server before it answered")
	}
	return netResult(err, p.timeout)
}

// drop closes the connection. One over which all went well is closed in peace:
// that is once in connectionAge, so nothing piles up.
func (p *httpProbe) drop() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

// abandon closes a connection that went wrong, without a farewell.
func (p *httpProbe) abandon() {
	if p.conn == nil {
		return
	}
	conn := p.conn
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	abort(conn)
	p.conn = nil
}

// exchange asks once. It returns stale where a kept connection turns out to
// have been closed before anything of an answer came.
func (p *httpProbe) exchange(ctx context.Context, deadline time.Time, kept bool) (result Result, stale bool) {
	conn := p.conn
	if err := conn.SetDeadline(deadline); err != nil {
		return netResult(err, p.timeout), kept
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(p.request); err != nil {
		p.abandon()
		return netResult(err, p.timeout), kept && !isTimeout(err)
	}
	if _, err := p.bytes.Peek(1); err != nil {
		p.abandon()
		return p.noAnswer(err), kept && !isTimeout(err)
	}
	result, keep := p.answer()
	if !keep {
		p.abandon()
	}
	return result, false
}

// answer reads one response. It returns keep where the connection is good for
// another request.
func (p *httpProbe) answer() (result Result, keep bool) {
	response, err := p.response()
	if err != nil {
		if isTimeout(err) || isLocalFault(err) {
			return netResult(err, p.timeout), false
		}
		return failed("not an HTTP answer: " + err.Error()), false
	}
	n, whole, err := readBody(response.Body, p.body)
	p.got = n
	if isTimeout(err) {
		return timedOut("the answer did not end within " + p.timeout.String()), false
	}
	if err != nil {
		return failed("the answer broke off after " + strconv.Itoa(n) + " bytes"), false
	}
	keep = whole && !response.Close
	if !p.accepts(response.StatusCode) {
		return failed("status " + response.Status), keep
	}
	if !bytes.Contains(p.body[:n], p.expect) {
		return failed(notExpected(p.body[:n], "unexpected body")), keep
	}
	return passed(), keep
}

// readBody reads a body until its end (whole) or until buf is full.
func readBody(body io.Reader, buf []byte) (n int, whole bool, err error) {
	for n < len(buf) {
		m, err := body.Read(buf[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// response reads the head of the answer, past interim ones (RFC 9110 section 15.2).
func (p *httpProbe) response() (*http.Response, error) {
	for range 5 {
		response, err := http.ReadResponse(p.bytes, p.head)
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
	return nil, errors.New("more than 5 interim answers")
}

func (p *httpProbe) accepts(status int) bool {
	if len(p.status) == 0 {
		return status >= 200 && status < 400
	}
	return slices.Contains(p.status, status)
}
