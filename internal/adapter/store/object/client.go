package object

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"stead/internal/adapter/store"
)

// NewClient returns a client for the SDK of a service. It follows no redirect,
// which would show credentials to somebody else, uses the proxy that the
// environment names, and trusts roots, or the system's where that is nil.
//
// It speaks HTTP/1.1: a connection that is dead costs the one request that waits
// on it, and is closed with that request's context.
func NewClient(o store.Options, roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{Timeout: o.Timeout, KeepAlive: 15 * time.Second}
	return &http.Client{
		Transport: &fresh{http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: o.Timeout,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     time.Minute,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fresh asks every cache on the way to leave it to the service to answer.
type fresh struct{ http.Transport }

func (f *fresh) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead {
		request = request.Clone(request.Context())
		request.Header.Set("Cache-Control", "no-cache")
	}
	return f.Transport.RoundTrip(request)
}

// Authority reads the certificates that are trusted instead of the system's; nil
// where no file is named.
func Authority(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca: %s: holds no certificate", file)
	}
	return pool, nil
}
