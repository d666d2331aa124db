package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// browser is a Chromium that is spoken to over a pipe, by the DevTools protocol.
type browser struct {
	out     *os.File
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan message
	faults  []string // what the page complained about
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Session string `json:"sessionId,omitempty"`
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no chromium: run test/e2e/setup.sh")
	return ""
}

// start runs a browser that reaches nothing but this machine, and ends it with the test.
func start(t *testing.T) *browser {
	t.Helper()
	toBrowser, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.Command(chromium(t), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--no-proxy-server",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=1100,900",
		"--user-data-dir="+home, "--remote-debugging-pipe", "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // the protocol wants them as 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{out: out, waiting: map[int]chan message{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b.read(in)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = out.Close()
		_ = in.Close()
		<-read
	})
	_ = toBrowser.Close()
	_ = fromBrowser.Close()
	return b
}

func (b *browser) read(in *os.File) {
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		data, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(data[:len(data)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer := b.waiting[m.ID]; answer != nil && m.ID != 0 {
			delete(b.waiting, m.ID)
			answer <- m
		}
		if m.Method == "Log.entryAdded" || m.Method == "Runtime.exceptionThrown" {
			b.faults = append(b.faults, string(m.Params))
		}
		b.mu.Unlock()
	}
}

// call asks the browser and waits for its answer.
func (b *browser) call(ctx context.Context, method string, params, result any) error {
	encoded, err := json.Marshal(params)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.next++
	m := message{ID: b.next, Method: method, Params: encoded, Session: b.session}
	b.waiting[m.ID] = answer
	b.mu.Unlock()
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := b.out.Write(append(data, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

type dict map[string]any

// open shows a page in a new tab.
func (b *browser) open(ctx context.Context, url string) error {
	var target struct{ TargetID string }
	if err := b.call(ctx, "Target.createTarget", dict{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	if err := b.call(ctx, "Target.attachToTarget", dict{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	b.session = attached.SessionID
	for _, domain := range []string{"Log.enable", "Runtime.enable", "Page.enable"} {
		if err := b.call(ctx, domain, dict{}, nil); err != nil {
			return err
		}
	}
	return b.call(ctx, "Page.navigate", dict{"url": url}, nil)
}

// eval is the value of an expression in the page, as text.
func (b *browser) eval(ctx context.Context, expression string) (string, error) {
	var got struct {
		Result struct{ Value any }
	}
	err := b.call(ctx, "Runtime.evaluate", dict{"expression": expression, "returnByValue": true}, &got)
	return fmt.Sprint(got.Result.Value), err
}

// until waits until an expression in the page is true.
func (b *browser) until(ctx context.Context, expression string) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		got, err := b.eval(ctx, expression)
		if err != nil {
			return err
		}
		if got == "true" {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			text, _ := b.eval(bound, "document.body.innerText")
			return fmt.Errorf("the page never had %s; it has:\n%s", expression, text)
		}
	}
}

// screenshot is a picture of the page, as PNG.
func (b *browser) screenshot(ctx context.Context) ([]byte, error) {
	var shot struct{ Data string }
	if err := b.call(ctx, "Page.captureScreenshot", dict{"format": "png"}, &shot); err != nil {
		return nil, err
	}
	if shot.Data == "" {
		return nil, errors.New("an empty screenshot")
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

// complaints is what the page's console and policy complained about.
func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.faults...)
}
