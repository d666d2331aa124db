// Command apiserver runs a real kube-apiserver with its etcd in one process, for
// tests of what talks to Kubernetes. There are no nodes and no controllers: what
// is created stays as it is.
//
//	apiserver -dir DIR -port PORT -admin TOKEN
//
// Another run with the same directory goes on where the last one has ended.
// The certificate that it makes for itself, with its authority, is DIR/tls/apiserver.crt.
// A Bearer token TOKEN may do everything; other accounts get theirs by the API.
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	dir := flag.String("dir", "", "where everything is kept")
	port := flag.Int("port", 0, "port on 127.0.0.1")
	admin := flag.String("admin", "", "token that may do everything")
	flag.Parse()
	if err := run(*dir, *port, *admin); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(dir string, port int, admin string) error {
	if dir == "" || port == 0 || admin == "" {
		return fmt.Errorf("-dir, -port and -admin are needed")
	}
	etcd, err := startEtcd(filepath.Join(dir, "etcd"))
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()
	tokens, key := filepath.Join(dir, "tokens.csv"), filepath.Join(dir, "account.key")
	if err := os.WriteFile(tokens, []byte(admin+`,admin,admin,"system:masters"`+"\n"), 0o600); err != nil {
		return err
	}
	if err := writeKey(key); err != nil {
		return err
	}
	server := app.NewAPIServerCommand()
	server.SetArgs([]string{
		"--etcd-servers=" + etcd.Clients[0].Addr().String(),
		"--bind-address=127.0.0.1", fmt.Sprint("--secure-port=", port),
		"--cert-dir=" + filepath.Join(dir, "tls"),
		"--token-auth-file=" + tokens,
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
		"--service-cluster-ip-range=198.51.100.0/24",
		"--endpoint-reconciler-type=none",
		"--profiling=false",
	})
	return server.Execute()
}

// startEtcd runs an etcd with one member on free ports of the loopback interface.
func startEtcd(dir string) (*embed.Etcd, error) {
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel, cfg.UnsafeNoFsync = dir, "error", true
	client, err := freeURL()
	if err != nil {
		return nil, err
	}
	peer, err := freeURL()
	if err != nil {
		return nil, err
	}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = client, client
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = peer, peer
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case <-time.After(time.Minute):
		etcd.Close()
		return nil, fmt.Errorf("not ready after a minute")
	}
}

func freeURL() ([]url.URL, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	return []url.URL{{Scheme: "http", Host: listener.Addr().String()}}, nil
}

// writeKey makes the key by which tokens of accounts are signed, unless a run
// before this one has.
func writeKey(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(file, pem.EncodeToMemory(block), 0o600)
}
