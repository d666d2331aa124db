// Command pack builds the container image of Stead without a container engine: the
// static binary, the authorities that the system trusts and a line of /etc/passwd.
// The result is a tar file in the layout of OCI with the manifest of `docker save`
// beside it, so that docker, podman, containerd, kind and crane can load it. The
// same input gives the same bytes.
//
//	pack -binary bin/stead -passwd deploy/image/passwd -tag stead:1.0 -o dist/stead-image.tar
package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// authorities is where Go looks for them, and where Debian has them.
const authorities = "etc/ssl/certs/ca-certificates.crt"

// user is who the program runs as: the one in deploy/image/passwd.
const user = "65532:65532"

func main() {
	binary := flag.String("binary", "bin/stead", "the static binary")
	passwd := flag.String("passwd", "deploy/image/passwd", "what becomes /etc/passwd")
	trusted := flag.String("authorities", "/"+authorities, "what becomes /"+authorities)
	tag := flag.String("tag", "stead:latest", "name and tag of the image")
	version := flag.String("version", "", "version, for the labels")
	output := flag.String("o", "dist/stead-image.tar", "where the image goes")
	flag.Parse()
	files := []file{{authorities, *trusted, 0o644}, {"etc/passwd", *passwd, 0o644}, {"usr/bin/stead", *binary, 0o755}}
	if err := pack(files, *binary, *tag, *version, *output); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// file is one file of the image and where it comes from.
type file struct {
	name, source string
	mode         int64
}

func pack(files []file, binary, tag, version, output string) error {
	arch, err := architecture(binary)
	if err != nil {
		return err
	}
	content, err := layerOf(files)
	if err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return err
	}
	image, err = mutate.ConfigFile(image, config(image, arch, version))
	if err != nil {
		return err
	}
	return write(image, tag, output)
}

// architecture is that of the binary, in the words of OCI. A binary that needs
// another file is refused: the image has none.
func architecture(binary string) (string, error) {
	program, err := elf.Open(binary)
	if err != nil {
		return "", err
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return "", fmt.Errorf("%s: is not static: build it with CGO_ENABLED=0", binary)
		}
	}
	switch program.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", fmt.Errorf("%s: is for %v: amd64 or arm64 was expected", binary, program.Machine)
}

// layerOf is a tar file with the files, owned by root and as old as Unix.
func layerOf(files []file) ([]byte, error) {
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	made := map[string]bool{".": true}
	for _, f := range files {
		content, err := os.ReadFile(f.source)
		if err != nil {
			return nil, err
		}
		if err := directories(archive, filepath.Dir(f.name), made); err != nil {
			return nil, err
		}
		if err := entry(archive, f.name, f.mode, content); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), archive.Close()
}

func directories(archive *tar.Writer, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := directories(archive, filepath.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: time.Unix(0, 0)})
}

func entry(archive *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0)}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}

func config(image v1.Image, arch, version string) *v1.ConfigFile {
	c, err := image.ConfigFile()
	if err != nil {
		c = &v1.ConfigFile{}
	}
	c.OS, c.Architecture, c.Created = "linux", arch, v1.Time{Time: time.Unix(0, 0).UTC()}
	c.Config = v1.Config{
		User:       user,
		Entrypoint: []string{"/usr/bin/stead"},
		Labels:     map[string]string{"org.opencontainers.image.title": "stead", "org.opencontainers.image.version": version},
	}
	return c
}

// write makes the tar file.
func write(image v1.Image, tag, output string) error {
	dir, err := os.MkdirTemp("", "stead-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	named := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag})
	if err := path.AppendImage(image, named); err != nil {
		return err
	}
	if err := manifest(image, tag, dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return err
	}
	out, err := os.Create(output)
	if err != nil {
		return err
	}
	defer out.Close()
	archive := tar.NewWriter(out)
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		return entry(archive, relative, 0o644, content)
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return out.Close()
}

// manifest writes what `docker load` looks for; the blobs are those of the layout.
func manifest(image v1.Image, tag, dir string) error {
	m, err := image.Manifest()
	if err != nil {
		return err
	}
	blob := func(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
	layers := []string{}
	for _, l := range m.Layers {
		layers = append(layers, blob(l.Digest))
	}
	text, err := json.Marshal([]map[string]any{{"Config": blob(m.Config.Digest), "RepoTags": []string{tag}, "Layers": layers}})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644)
}
