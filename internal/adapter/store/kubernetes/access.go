package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"stead/internal/adapter/store"
)

// account is where a pod finds the credentials of its service account.
const account = "/var/run/secrets/kubernetes.io/serviceaccount"

// dialTimeout bounds a connection to the API server, handshake included.
const dialTimeout = 5 * time.Second

// access is how an API server is reached.
type access struct {
	server    string // https://host:port
	namespace string
	tokenFile string
	caFile    string // empty: the authorities that the system trusts
	certFile  string // of a client, with its key
	keyFile   string
}

// accessOf reads a store's URL; what it does not say comes from the pod.
func accessOf(spec *store.Spec) (access, error) {
	namespace, _, _ := strings.Cut(spec.Path, "/")
	a := access{
		namespace: namespace,
		server:    strings.TrimSuffix(spec.Params["server"], "/"),
		tokenFile: spec.Params["token-file"],
		caFile:    spec.Params["ca"],
		certFile:  spec.Params["cert"],
		keyFile:   spec.Params["key"],
	}
	if a.server == "" {
		if err := a.inCluster(); err != nil {
			return access{}, err
		}
	}
	return a, a.check()
}

// inCluster fills in what the pod knows.
func (a *access) inCluster() error {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return errors.New("this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): add ?server=https://HOST:PORT&token-file=FILE&ca=FILE")
	}
	a.server = "https://" + net.JoinHostPort(host, port)
	if a.tokenFile == "" && a.certFile == "" {
		a.tokenFile = account + "/token"
	}
	if a.caFile == "" {
		a.caFile = account + "/ca.crt"
	}
	if a.namespace == "" {
		name, err := os.ReadFile(account + "/namespace")
		if err != nil {
			return fmt.Errorf("the pod's namespace: %w", err)
		}
		a.namespace = strings.TrimSpace(string(name))
	}
	return nil
}

func (a *access) check() error {
	server, err := url.Parse(a.server)
	switch {
	case err != nil || server.Scheme != "https" || server.Host == "" || server.User != nil || server.RawQuery != "":
		return fmt.Errorf("the parameter server: %q is not https://HOST:PORT", a.server)
	case a.tokenFile == "" && a.certFile == "":
		return errors.New("token-file is missing: the file with the token of a service account, or cert and key")
	case a.namespace == "":
		return errors.New("the namespace is missing: write kubernetes:///NAMESPACE?…")
	case !isLabel(a.namespace):
		return fmt.Errorf("the namespace %q is not 1–63 lower-case letters, digits and '-'", a.namespace)
	}
	return nil
}

// token reads the token, which Kubernetes replaces long before it ends; it is
// empty where there is none.
func (a *access) token() (string, error) {
	if a.tokenFile == "" {
		return "", nil
	}
	if err := private(a.tokenFile); err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	text, err := os.ReadFile(a.tokenFile)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \r\n") {
		return "", fmt.Errorf("token: %s holds no token", a.tokenFile)
	}
	return token, nil
}

// private refuses a secret that everybody on the machine can read. The one that
// Kubernetes itself mounts is left to it: only the pod sees it.
func private(file string) error {
	if strings.HasPrefix(file, account+"/") {
		return nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Errorf("%s can be read by everybody (mode %04o): chmod o-r, or in a pod defaultMode 0440 with fsGroup", file, info.Mode().Perm())
	}
	return nil
}

// newClient returns a client that follows no redirect, which would show the token
// to somebody else, and uses no proxy.
func newClient(a access) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialTLSContext:      a.dial, // and with that no HTTP/2
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     90 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dial connects with the authority and the certificate that the files hold now.
func (a access) dial(ctx context.Context, network, address string) (net.Conn, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.caFile != "" {
		text, err := os.ReadFile(a.caFile)
		if err != nil {
			return nil, fmt.Errorf("authority: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("authority: " + a.caFile + " holds no certificate")
		}
	}
	if a.certFile != "" {
		if err := private(a.keyFile); err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		pair, err := tls.LoadX509KeyPair(a.certFile, a.keyFile)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return (&tls.Dialer{Config: cfg}).DialContext(ctx, network, address)
}
