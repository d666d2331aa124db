package lab

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A lab is ended in every way there is. The kernel ends all processes in it, and
// with them go its namespaces, mounts and files.
func TestLeavesNothingBehind(t *testing.T) {
	switch os.Getenv(stageEnv) {
	case stageOutside:
		container := Container{Args: []string{"-test.run=^" + t.Name() + "$"}, Env: []string{stageEnv + "=" + stageInside}, Stdout: os.Stdout, Stderr: os.Stderr}
		if err := container.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	case stageInside:
		holdWorld(t)
	default:
		users := []uint32{nobody}
		if os.Geteuid() == 0 {
			users = append(users, 0)
		}
		for _, uid := range users {
			for _, victim := range []string{"outside", "init", "outside by SIGINT"} {
				t.Run(fmt.Sprintf("uid %d, %s", uid, victim), func(t *testing.T) { endLab(t, uid, victim) })
			}
		}
	}
}

// holdWorld builds a world with a process on a host, says so, and goes on for ever.
func holdWorld(t *testing.T) {
	w := threeHosts(t, false)
	p := &process{host: w.Host(primary), name: "sleeper", args: []string{"/proc/self/exe"}, env: []string{stageEnv + "=" + stageSleeper}}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(shared("file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	for {
		_ = unix.Pause()
	}
}

func endLab(t *testing.T, uid uint32, victim string) {
	cmd := outsideCommand("TestLeavesNothingBehind", uid)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for ready := false; !ready; {
		if !lines.Scan() {
			t.Fatal("the lab ended before it was ready")
		}
		ready = lines.Text() == "ready"
	}
	lab := labOf(t, cmd.Process.Pid)
	if len(lab.processes) < 2 || len(lab.networks) < 2 {
		t.Fatalf("the lab has processes %v in networks %v, want two of each at least", lab.processes, lab.networks)
	}
	switch victim {
	case "outside":
		_ = cmd.Process.Kill()
	case "outside by SIGINT":
		_ = cmd.Process.Signal(syscall.SIGINT)
	case "init":
		_ = syscall.Kill(lab.init, syscall.SIGKILL)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left := lab.left()
		if len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("processes left: %v", left)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{SharedDir + "/file", HostDir + "/mine"} {
		if _, err := os.Lstat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
		if strings.Contains(string(mounts), " "+filepath.Dir(dir)+" ") {
			t.Errorf("a mount on %s is left", filepath.Dir(dir))
		}
	}
}

// labProcesses is what can be seen of a lab from outside.
type labProcesses struct {
	init      int
	space     string // its process namespace
	processes []int
	networks  map[string]bool
}

// labOf finds the lab that a program outside has started.
func labOf(t *testing.T, outside int) (lab labProcesses) {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", outside))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(text)) {
			lab.init, _ = strconv.Atoi(field)
		}
	}
	if lab.init == 0 {
		t.Fatal("the program outside has no child")
	}
	lab.space = namespace(lab.init, "pid")
	lab.processes = lab.left()
	lab.networks = map[string]bool{}
	for _, pid := range lab.processes {
		lab.networks[namespace(pid, "net")] = true
	}
	return lab
}

// left are the processes in the lab's process namespace.
func (l *labProcesses) left() (list []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && l.space != "" && namespace(pid, "pid") == l.space {
			list = append(list, pid)
		}
	}
	return list
}

func namespace(pid int, kind string) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	return name
}
