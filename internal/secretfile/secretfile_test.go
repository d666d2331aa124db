package secretfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		file    File
		want    string // the secret, or
		err     string // what the error says
	}{
		"plain":           {"secret", 0o600, File{Least: 1, Most: Most}, "secret", ""},
		"newline":         {"secret\r\n", 0o400, File{Least: 1, Most: Most}, "secret", ""},
		"hexadecimal":     {"hex:00ff\n", 0o600, File{Least: 1, Most: Most, Hex: true}, "\x00\xff", ""},
		"no hexadecimal":  {"hex:00ff", 0o600, File{Least: 1, Most: Most}, "hex:00ff", ""},
		"bad hexadecimal": {"hex:0", 0o600, File{Least: 1, Most: Most, Hex: true}, "", "not hexadecimal"},
		"group":           {"secret", 0o440, File{Least: 1, Most: Most, Group: true}, "secret", ""},
		"group refused":   {"secret", 0o440, File{Least: 1, Most: Most}, "", "lets others use it"},
		"group writes":    {"secret", 0o660, File{Least: 1, Most: Most, Group: true}, "", "lets others use it"},
		"world":           {"secret", 0o604, File{Least: 1, Most: Most, Group: true}, "", "mode 0604"},
		"empty":           {"\n", 0o600, File{Least: 1, Most: 8, Advice: "write it"}, "", "holds 0 bytes, not 1–8: write it"},
		"long":            {"123456789", 0o600, File{Least: 1, Most: 8}, "", "holds 9 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			test.file.Noun, test.file.Path = "token file", filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(test.file.Path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(test.file.Path, test.mode); err != nil {
				t.Fatal(err)
			}
			got, err := test.file.Read()
			if test.err == "" && (err != nil || !bytes.Equal(got, []byte(test.want))) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
			if test.err != "" && (err == nil || !strings.HasPrefix(err.Error(), "token file "+test.file.Path) || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("%q, %v; want an error with %q", got, err, test.err)
			}
		})
	}
}

func TestReadWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "not a regular file", fifo: "not a regular file", filepath.Join(dir, "none"): "does not exist"} {
		if got, err := (File{Noun: "key file", Path: path, Most: 8}).Read(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}
