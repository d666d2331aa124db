// Package tlsfile makes the TLS configuration of a store's client from the files that
// the parameters ca, cert, key and server-name of its URL name.
package tlsfile

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"stead/internal/adapter/store"
	"stead/internal/secretfile"
)

// mostKey is how many bytes a file with a private key has at most.
const mostKey = 64 << 10

// Config returns the configuration, nil where the connection is not encrypted. The
// certificate and its key are read again for each connection, since they are replaced before they end.
func Config(spec *store.Spec) (*tls.Config, error) {
	if !spec.TLS() {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: spec.Params["server-name"]}
	if ca := spec.Params["ca"]; ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("authority: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("authority %s: holds no certificate in PEM", ca)
		}
	}
	if cert, key := spec.Params["cert"], spec.Params["key"]; cert != "" {
		if _, err := pair(cert, key); err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair(cert, key) }
	}
	return cfg, nil
}

func pair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := secretfile.File{Noun: "private key", Path: keyFile, Least: 1, Most: mostKey, Group: true,
		Advice: "it is one in PEM"}.Read()
	if err != nil {
		return nil, err
	}
	both, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with private key %s: %w", certFile, keyFile, err)
	}
	return &both, nil
}

// Secret reads a password or a token from the file that a parameter names; empty
// where it is not given.
func Secret(spec *store.Spec, param, noun string) (string, error) {
	path := spec.Params[param]
	if path == "" {
		return "", nil
	}
	secret, err := secretfile.File{Noun: noun, Path: path, Least: 1, Most: secretfile.Most, Group: true,
		Advice: "write it and nothing else into it"}.Read()
	return string(secret), err
}
