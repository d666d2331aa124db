package spawn

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // not held back by the umask
		t.Fatal(err)
	}
}

func TestResolveRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plain"), "", 0o644)
	for _, c := range []struct {
		command []string
		shell   bool
		want    string
	}{
		{nil, false, "no command"},
		{[]string{""}, false, "no command"},
		{[]string{"no-such-program-here"}, false, "not found in"},
		{[]string{"./relative"}, false, "not an absolute path"},
		{[]string{filepath.Join(dir, "missing")}, false, "no such file"},
		{[]string{filepath.Join(dir, "plain")}, false, "not executable"},
		{[]string{dir}, false, "not a regular file"},
		{[]string{"echo", "two"}, true, "one line"},
	} {
		if _, err := Resolve(c.command, c.shell, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.command, err, c.want)
		}
	}
}

func TestRootRefusesWhatEverybodyMayWrite(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	prog, link := filepath.Join(sub, "prog"), filepath.Join(dir, "link")
	write(t, prog, "#!/bin/sh\n", 0o755)
	if err := os.Symlink(prog, link); err != nil {
		t.Fatal(err)
	}
	modes := func(file, directory os.FileMode) {
		t.Helper()
		if err := os.Chmod(prog, file); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(sub, directory); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name      string
		file, dir os.FileMode
		want      string
	}{
		{"nobody else may write", 0o755, 0o755, ""},
		{"the file", 0o757, 0o755, "everybody may write it"},
		{"the directory", 0o755, 0o777, "everybody may write this directory"},
		{"a sticky directory, an entry of our own", 0o755, 0o777 | os.ModeSticky, ""},
	} {
		modes(c.file, c.dir)
		for _, path := range []string{prog, link} {
			_, err := Resolve([]string{path}, false, "")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %s: error %v, want %q", c.name, filepath.Base(path), err, c.want)
			}
		}
	}
	modes(0o755, 0o777|os.ModeSticky)
	if err := os.Chown(prog, 65534, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := Resolve([]string{prog}, false, ""); err == nil {
		t.Error("a stranger's program in a sticky directory is accepted")
	}
}

func TestLastLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"\n \n":                   "",
		"one\ntwo\n\n":            "two",
		"one\r\n\x1b[31mred\r\n":  "[31mred",
		"bad \xff utf":            "bad ? utf",
		strings.Repeat("x", 1000): strings.Repeat("x", 200),
	} {
		if got := LastLine([]byte(in)); got != want {
			t.Errorf("last line of %q is %q, want %q", in, got, want)
		}
	}
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("hello"), 3, 900)
	f.Fuzz(func(t *testing.T, chunk []byte, times, more int) {
		var k tail
		var all []byte
		for range min(max(times, 0), 50) {
			_, _ = k.Write(chunk)
			all = append(all, chunk...)
		}
		long := make([]byte, min(max(more, 0), 3*OutputLimit))
		_, _ = k.Write(long)
		all = append(all, long...)
		if want := all[max(0, len(all)-OutputLimit):]; string(k.bytes) != string(want) {
			t.Fatalf("kept %d bytes, want the last %d of %d", len(k.bytes), len(want), len(all))
		}
		LastLine(k.bytes)
	})
}

// What lies in the pipe when the program ends is not lost, however slow the
// reader was.
func TestOutputIsTakenFromThePipeAtTheEnd(t *testing.T) {
	out, in, err := new(Program).outputPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	defer in.Close()
	if err := out.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	c := collect(out)
	<-c.done // the reader has given up
	if _, err := in.WriteString("the last words\n"); err != nil {
		t.Fatal(err)
	}
	if got := string(c.finish()); got != "the last words\n" {
		t.Errorf("kept %q", got)
	}
}
