package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLoadKeys(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	good := write("good", "0123456789abcdef\n", 0o600)
	old := write("old", "fedcba9876543210", 0o400)
	for _, tc := range []struct {
		name  string
		files []string
		err   []string // one for each line
	}{
		{"none", nil, nil},
		{"one", []string{good}, nil},
		{"two", []string{good, old}, nil},
		{"the group reads it", []string{write("group", "0123456789abcdef", 0o640)}, []string{"group: mode 0640 lets others use it: chmod 600 "}},
		{"others write it", []string{write("others", "0123456789abcdef", 0o602)}, []string{"others: mode 0602 lets others use it"}},
		{"too short", []string{write("short", "0123456789abcde\n", 0o600)}, []string{"short: holds 15 bytes, not 16–4096: make one with: head -c 32 /dev/urandom | base64 > "}},
		{"too long", []string{write("long", strings.Repeat("x", 4097), 0o600)}, []string{"long: holds 4097 bytes, not 16–4096"}},
		{"not there", []string{filepath.Join(dir, "absent")}, []string{"absent: file does not exist: make one with: head -c 32"}},
		{"a directory", []string{dir}, []string{"is not a regular file"}},
		{"a fifo that nobody writes", []string{fifo}, []string{"fifo: is not a regular file"}},
		{"both wrong", []string{dir, filepath.Join(dir, "absent")}, []string{"is not a regular file", "absent: file does not exist"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := &Config{Security: Security{KeyFiles: tc.files}}
			err := LoadKeys(cfg)
			if len(tc.err) == 0 {
				if err != nil || len(cfg.Security.Keys) != len(tc.files) {
					t.Fatalf("%d keys, %v", len(cfg.Security.Keys), err)
				}
				for i, want := range []string{"0123456789abcdef", "fedcba9876543210"}[:len(tc.files)] {
					if string(cfg.Security.Keys[i]) != want {
						t.Errorf("key %d is %q", i, cfg.Security.Keys[i])
					}
				}
				return
			}
			if err == nil || cfg.Security.Keys != nil {
				t.Fatal("accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tc.err) {
				t.Fatalf("got %q", lines)
			}
			for i, want := range tc.err {
				if !strings.HasPrefix(lines[i], "key file ") || !strings.Contains(lines[i], want) {
					t.Errorf("got %q, want %q in it", lines[i], want)
				}
			}
		})
	}
}

// TestLoadKeysOfAnotherUser needs root to make a file that belongs to somebody else.
func TestLoadKeysOfAnotherUser(t *testing.T) {
	if os.Getenv("STEAD_UNPRIVILEGED") == "1" {
		t.Skip("needs CAP_CHOWN")
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	err := LoadKeys(&Config{Security: Security{KeyFiles: []string{path}}})
	if err == nil || !strings.Contains(err.Error(), "belongs to user 12345, not to root or to user 0: chown root ") {
		t.Errorf("got %v", err)
	}
}

// TestClientNeedsNoKey: a client exchanges no heartbeats.
func TestClientNeedsNoKey(t *testing.T) {
	cfg := &Config{Self: "c", Nodes: []Node{{Name: "c", Role: RoleClient}}, Security: Security{KeyFiles: []string{"/nonexistent/key"}}}
	if err := LoadKeys(cfg); err != nil {
		t.Error(err)
	}
	cfg.Nodes[0].Role = RoleWitness
	if err := LoadKeys(cfg); err == nil {
		t.Error("a witness needs one")
	}
}
