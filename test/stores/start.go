package stores

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// The account of Azurite that everybody knows, and the one of the S3 service.
const (
	AzureAccount = "devstoreaccount1"
	AzureKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	S3Access     = "stead"
	S3Secret     = "stead-secret"
)

var listens = regexp.MustCompile(`listens on https?://(127\.0\.0\.1:\d+)`)

// Azurite starts the blob service of Azurite, which keeps everything in memory.
func Azurite() (*Server, error) { return azurite() }

// AzuriteTLS starts one that is reached by https and lets identities in. Whether a
// token was signed by Microsoft it cannot tell: it looks at what the token says.
func AzuriteTLS() (*Server, error) {
	dir, err := os.MkdirTemp("", "stead-tls-")
	if err != nil {
		return nil, err
	}
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := selfSigned(certificate, key); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s, err := azurite("--oauth", "basic", "--cert", certificate, "--key", key)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s.data, s.Authority = dir, certificate
	return s, nil
}

func azurite(args ...string) (*Server, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "bin/azurite/node_modules/azurite/dist/src/blob/main.js")
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("azurite: %w", err)
	}
	s, err := launch("node", append([]string{"--require", filepath.Join(dir, "test/stores/azurite/end-with-stdin.js"), program,
		"--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("azurite: %w", err)
	}
	return s.await(func() bool {
		found := listens.FindStringSubmatch(s.output.String())
		if found != nil {
			s.network, s.address = "tcp", found[1]
		}
		return found != nil
	})
}

// S3 builds and starts VersityGW. It listens on a Unix socket, so that there is no
// port that somebody else may take.
func S3() (*Server, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "bin/s3server")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join(dir, "test/stores/s3server")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the S3 server: %w: %s", err, output)
	}
	// Beside the program: /tmp may be a filesystem that keeps no attributes of files.
	data, err := os.MkdirTemp(filepath.Dir(program), "s3-")
	if err != nil {
		return nil, err
	}
	s, err := launch(program, data, "socket", S3Access, S3Secret)
	if err != nil {
		os.RemoveAll(data)
		return nil, fmt.Errorf("s3server: %w", err)
	}
	s.data, s.network, s.address = data, "unix", filepath.Join(s.dir, "socket")
	return s.await(func() bool {
		conn, err := net.Dial(s.network, s.address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}
