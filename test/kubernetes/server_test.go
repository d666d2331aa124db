package kubernetes

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ready is how long the API server has to come up.
const ready = 3 * time.Minute

// cluster is a kube-apiserver that runs until the tests of the package are over.
type cluster struct {
	url, ca string // of the API server; the file with its authority
	admin   string // a token that may do everything
	client  *http.Client
	dir     string
	port    int
	end     func() // of the process
}

// start runs the API server.
func start() (*cluster, error) {
	dir, err := os.MkdirTemp("", "stead-apiserver-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &cluster{
		url: fmt.Sprint("https://127.0.0.1:", port), ca: filepath.Join(dir, "tls", "apiserver.crt"), admin: rand.Text(),
		dir: dir, port: port, end: func() {},
	}
	if err := c.run(); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// run starts the process and waits until it is ready.
func (c *cluster) run() error {
	var log bytes.Buffer
	cmd := exec.Command(filepath.Join(bin, "kube-apiserver"), "-dir", c.dir, "-port", fmt.Sprint(c.port), "-admin", c.admin)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.end = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if err := c.wait(); err != nil {
		c.end()
		return fmt.Errorf("%w\n%s", err, log.String())
	}
	return nil
}

// stop ends the API server for good.
func (c *cluster) stop() {
	c.end()
	os.RemoveAll(c.dir)
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// wait returns when the server answers that it is ready.
func (c *cluster) wait() error {
	for end := time.Now().Add(ready); ; time.Sleep(50 * time.Millisecond) {
		err := c.probe()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the API server is not ready after %v: %w", ready, err)
		}
	}
}

func (c *cluster) probe() error {
	if c.client == nil {
		authority, err := os.ReadFile(c.ca)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authority) {
			return fmt.Errorf("%s holds no certificate", c.ca)
		}
		c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: time.Minute}
	}
	code, answer, err := c.ask(context.Background(), http.MethodGet, "/readyz", "", nil)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("%d: %s", code, answer)
	}
	return err
}

// ask sends one request as the one who may do everything.
func (c *cluster) ask(ctx context.Context, method, path, kind string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.admin)
	req.Header.Set("Content-Type", kind)
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// do sends an object, or nil, and wants it accepted; answer may be nil.
func (c *cluster) do(t *testing.T, method, path string, object, answer any) {
	t.Helper()
	var body []byte
	if object != nil {
		var err error
		if body, err = json.Marshal(object); err != nil {
			t.Fatal(err)
		}
	}
	code, said, err := c.ask(t.Context(), method, path, "application/json", body)
	if err != nil || code >= 300 {
		t.Fatalf("%s %s: %d, %v: %s", method, path, code, err, said)
	}
	if answer != nil {
		if err := json.Unmarshal(said, answer); err != nil {
			t.Fatal(err)
		}
	}
}

// object is any object of Kubernetes.
type object = map[string]any

// namespace makes a namespace of the test's own.
func (c *cluster) namespace(t *testing.T) string {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text()[:10])
	c.do(t, http.MethodPost, "/api/v1/namespaces", object{"metadata": object{"name": name}}, nil)
	return name
}

// account makes a service account that has the given verbs on Leases, and returns a
// file with a token of its.
func (c *cluster) account(t *testing.T, namespace, name string, verbs ...string) (tokenFile string) {
	t.Helper()
	accounts := "/api/v1/namespaces/" + namespace + "/serviceaccounts"
	c.do(t, http.MethodPost, accounts, object{"metadata": object{"name": name}}, nil)
	if len(verbs) > 0 {
		access := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + namespace
		c.do(t, http.MethodPost, access+"/roles", object{
			"metadata": object{"name": name},
			"rules":    []object{{"apiGroups": []string{"coordination.k8s.io"}, "resources": []string{"leases"}, "verbs": verbs}},
		}, nil)
		c.do(t, http.MethodPost, access+"/rolebindings", object{
			"metadata": object{"name": name},
			"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
			"subjects": []object{{"kind": "ServiceAccount", "name": name, "namespace": namespace}},
		}, nil)
	}
	file := filepath.Join(t.TempDir(), "token")
	secret(t, file, c.token(t, namespace, name))
	return file
}

// token asks for a token of a service account, as the kubelet does.
func (c *cluster) token(t *testing.T, namespace, name string) string {
	t.Helper()
	var request struct{ Status struct{ Token string } }
	c.do(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+name+"/token", object{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": object{"expirationSeconds": 600},
	}, &request)
	if request.Status.Token == "" {
		t.Fatal("the API server gave no token")
	}
	return request.Status.Token
}

// secret replaces a file that only its owner can read.
func secret(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}
