package docs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const toldPage = root + "/docs/how-to/be-told-of-changes.md"

// scripts writes the page's scripts to files that can be run: keepalived's
// notify script, and the one that moves an elastic address.
func scripts(t *testing.T) (notify, move string) {
	t.Helper()
	texts := blocks(t, toldPage, "sh")
	if len(texts) != 2 {
		t.Fatalf("%d scripts on %s, want 2", len(texts), toldPage)
	}
	dir := t.TempDir()
	notify, move = filepath.Join(dir, "notify.sh"), filepath.Join(dir, "move.sh")
	for i, path := range []string{notify, move} {
		if err := os.WriteFile(path, []byte(texts[i]), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return notify, move
}

func TestNotifyScript(t *testing.T) {
	notify, _ := scripts(t)
	for state, want := range map[string]string{
		"MASTER": "VI_1 is served here, priority 101", "BACKUP": "VI_1 is served elsewhere", "FAULT": "VI_1 cannot be served here", "STOP": "the daemon ends",
	} {
		if out, err := exec.Command(notify, "INSTANCE", "VI_1", state, "101").CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s: %v %s", state, err, out)
		}
	}
	if out, err := exec.Command(notify, "INSTANCE", "VI_1", "DELETED", "101").CombinedOutput(); err == nil {
		t.Errorf("an unknown state is no error: %s", out)
	}
}

// The script tries again while its node is active, and keeps its hands off when
// it is not any more.
func TestMoveScript(t *testing.T) {
	_, move := scripts(t)
	for name, c := range map[string]struct {
		active []int // answers of the daemon
		cloud  []int // answers of the cloud, each of which has to be asked for
		code   int
	}{
		"at once":                    {[]int{200}, []int{200}, 0},
		"after an error":             {[]int{200, 200}, []int{503, 200}, 0},
		"not active any more":        {[]int{503}, nil, 0},
		"overtaken after an error":   {[]int{200, 503}, []int{500}, 0},
		"nothing helps for too long": {[]int{200, 200, 503}, []int{500, 500}, 0},
	} {
		asked, put := 0, []string{}
		next := func(answers []int, n int) int {
			if n < len(answers) {
				return answers[n]
			}
			return http.StatusTeapot
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.Method + " " + r.URL.Path {
			case "GET /active/web":
				w.WriteHeader(next(c.active, asked))
				asked++
			case "PUT /addresses/web":
				text, _ := io.ReadAll(r.Body)
				w.WriteHeader(next(c.cloud, len(put)))
				put = append(put, r.Header.Get("Authorization")+" "+string(text))
			}
		}))
		token := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(move)
		cmd.Env = append(os.Environ(), "STEAD_HTTP="+server.URL, "CLOUD="+server.URL, "TOKEN_FILE="+token, "STEAD_GROUP=web", "STEAD_NODE=primary", "STEAD_EPOCH=7")
		out, err := cmd.CombinedOutput()
		server.Close()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != c.code || len(put) != len(c.cloud) || asked != len(c.active) {
			t.Errorf("%s: %v, asked %d times, put %q\n%s", name, err, asked, put, out)
		}
		for _, p := range put {
			if p != `Bearer s3cret {"group":"web","node":"primary","epoch":7}` {
				t.Errorf("%s: put %s", name, p)
			}
		}
	}
}
