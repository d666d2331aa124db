package kubernetes

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// image packs the binary as `make image` does and returns the tar file.
func image(t *testing.T) string {
	t.Helper()
	pack := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", filepath.Join(bin, "pack"), ".")
	pack.Dir = filepath.Join(root, "deploy/image/pack")
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "pack"), "-binary", built(t), "-version", "1.2.3", "-tag", "stead:1.2.3", "-o", file)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pack: %v\n%s", err, out)
	}
	return file
}

// entries reads a tar file.
func entries(t *testing.T, archive io.Reader) (headers []*tar.Header, contents map[string][]byte) {
	t.Helper()
	contents = map[string][]byte{}
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
		if contents[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// imageConfig is what an image says of how it is run.
type imageConfig struct {
	Architecture, OS string
	Config           struct {
		User            string
		Entrypoint, Cmd []string
		Labels          map[string]string
	}
}

// unpacked follows the layout of OCI from its index to the files of the one layer.
func unpacked(t *testing.T, file string) (cfg imageConfig, headers []*tar.Header, files map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, blobs := entries(t, bytes.NewReader(text))
	type descriptor struct{ Digest string }
	var index struct{ Manifests []descriptor }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	blob := func(d descriptor) []byte { return blobs["blobs/"+strings.Replace(d.Digest, ":", "/", 1)] }
	parse := func(text []byte, into any) {
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
	}
	parse(blobs["index.json"], &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("%d manifests", len(index.Manifests))
	}
	parse(blob(index.Manifests[0]), &manifest)
	if len(manifest.Layers) != 1 {
		t.Fatalf("%d layers", len(manifest.Layers))
	}
	parse(blob(manifest.Config), &cfg)
	layer, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	headers, files = entries(t, layer)
	return cfg, headers, files
}

// The image holds one program, which needs no other file, is not run by root, and
// has nothing beside it that could be run.
func TestImage(t *testing.T) {
	file := image(t)
	if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "crane"), "validate", "--tarball", file).CombinedOutput(); err != nil {
		t.Errorf("crane: %v: %s", err, out)
	}
	cfg, headers, files := unpacked(t, file)
	if cfg.Config.User != "65532:65532" || !slices.Equal(cfg.Config.Entrypoint, []string{"/usr/bin/stead"}) || cfg.Config.Cmd != nil || cfg.OS != "linux" || cfg.Architecture == "" {
		t.Errorf("it runs as %+v", cfg)
	}
	if cfg.Config.Labels["org.opencontainers.image.version"] != "1.2.3" {
		t.Errorf("labels: %v", cfg.Config.Labels)
	}
	var plain []string
	for _, h := range headers {
		if h.Typeflag == tar.TypeDir {
			continue
		}
		plain = append(plain, h.Name)
		if executable := h.Mode&0o111 != 0; h.Typeflag != tar.TypeReg || executable != (h.Name == "usr/bin/stead") || h.Mode&0o6022 != 0 || h.Uid != 0 {
			t.Errorf("%s: type %c, mode %o, owner %d", h.Name, h.Typeflag, h.Mode, h.Uid)
		}
	}
	if want := []string{"etc/ssl/certs/ca-certificates.crt", "etc/passwd", "usr/bin/stead"}; !slices.Equal(plain, want) {
		t.Errorf("files: %q, want %q", plain, want)
	}
	if !strings.HasPrefix(string(files["etc/passwd"]), "stead:x:65532:65532:") || !bytes.Contains(files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")) {
		t.Errorf("passwd %q, authorities of %d bytes", files["etc/passwd"], len(files["etc/ssl/certs/ca-certificates.crt"]))
	}
	program, err := elf.NewFile(bytes.NewReader(files["usr/bin/stead"]))
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the program needs a dynamic linker")
	}
}

// The same input gives the same image, to the byte.
func TestImageIsReproducible(t *testing.T) {
	first, err := os.ReadFile(image(t))
	if err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(image(t)); err != nil || !bytes.Equal(first, second) {
		t.Errorf("two images differ (%v)", err)
	}
}

// The program runs where nothing but the files of the image is there, as its user.
func TestImageRuns(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("STEAD_UNPRIVILEGED") == "" {
			t.Fatal("needs root: to change the root directory")
		}
		t.Skip("needs root: to change the root directory")
	}
	_, headers, files := unpacked(t, image(t))
	dir := t.TempDir()
	for _, h := range headers {
		name := filepath.Join(dir, filepath.Clean("/"+h.Name))
		var err error
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(name, 0o755)
		} else {
			err = os.WriteFile(name, files[h.Name], os.FileMode(h.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/stead", "version")
	cmd.Path, cmd.Err, cmd.Env, cmd.Dir = "/usr/bin/stead", nil, []string{}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "stead") {
		t.Errorf("%v: %s", err, out)
	}
}

// What Docker builds from the Dockerfile is what pack builds: the same files, user
// and program.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/image/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	_, last, ok := strings.Cut(string(text), "\nFROM scratch\n")
	if !ok {
		t.Fatal("the last stage is not from scratch")
	}
	var copied []string
	var rest []string
	for line := range strings.Lines(last) {
		words := strings.Fields(line)
		if words[0] == "COPY" {
			copied = append(copied, words[len(words)-1])
		} else {
			rest = append(rest, strings.TrimSpace(line))
		}
	}
	cfg, headers, _ := unpacked(t, image(t))
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg && !slices.Contains(copied, "/"+h.Name) {
			t.Errorf("the Dockerfile has no %s", h.Name)
		}
	}
	if want := []string{"USER " + cfg.Config.User, `ENTRYPOINT ["` + cfg.Config.Entrypoint[0] + `"]`}; !slices.Equal(rest, want) || len(copied) != 3 {
		t.Errorf("the Dockerfile says %q, and copies %q", rest, copied)
	}
}
