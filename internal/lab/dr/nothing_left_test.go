package dr

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/lab"
	"stead/internal/lab/share"
	"stead/internal/testns"
)

// What the test program does when a test has started it.
const (
	roleEnv     = "STEAD_LAB_DR_TEST"
	roleOutside = "outside" // starts the lab
	roleInside  = "inside"  // is its init
	roleReader  = "reader"  // reads from the share, and hangs
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case roleReader:
		_, err := os.ReadFile(mountPoint + "/file")
		fmt.Println("the share does not hang:", err)
		os.Exit(1)
	case roleInside:
		fmt.Println(holdPair())
		os.Exit(1)
	case roleOutside:
		container := lab.Container{Env: []string{roleEnv + "=" + roleInside}, Stdout: os.Stdout, Stderr: os.Stderr}
		fmt.Println(container.Run(signalled()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// holdPair has both sites read from a share that hangs, says so, and goes on for ever.
func holdPair() error {
	if err := lab.Enter(); err != nil {
		return err
	}
	t := trial{opt: Options{Binary: "/proc/self/exe"}}
	world, err := lab.NewWorld(t.hosts())
	if err != nil {
		return err
	}
	p := &pair{
		opt: &t.opt, name: "held", world: world, logs: lab.SharedDir, fault: &fault{},
		hosts: map[string]*lab.Host{siteA: world.Host(siteA), siteB: world.Host(siteB)},
	}
	if err := p.open(world.Host(queueName), queuePort); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "file"), []byte("x"), 0o644); err != nil {
		return err
	}
	for _, site := range sites {
		if err := p.mounts[site].Set(share.Faults{Hang: share.Reads}); err != nil {
			return err
		}
		if err := p.run(site, "reader", nil, roleEnv+"="+roleReader); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	for _, site := range sites {
		<-p.programs[site][0].done
	}
	return errors.New("a reader has ended")
}

// A lab is ended in every way there is, while programs hang in its share.
func TestLeavesNothingBehind(t *testing.T) {
	if device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		testns.Lacking(t, "file systems in user space (/dev/fuse)", err)
	} else {
		_ = device.Close()
	}
	for _, victim := range []string{"outside", "outside by SIGINT", "init"} {
		t.Run(victim, func(t *testing.T) { endLab(t, victim) })
	}
}

func endLab(t *testing.T, victim string) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+roleOutside)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for ready := false; !ready; ready = lines.Text() == "ready" {
		if !lines.Scan() {
			t.Fatal("the lab ended before it was ready")
		}
		if text := lines.Text(); text != "ready" {
			t.Log(text)
		}
	}
	initial := childOf(t, cmd.Process.Pid)
	space := namespaceOf(initial)
	if len(inNamespace(space)) < 3 {
		t.Fatalf("the lab has processes %v, want its init and two readers", inNamespace(space))
	}
	switch victim {
	case "outside":
		_ = cmd.Process.Kill()
	case "outside by SIGINT":
		_ = cmd.Process.Signal(syscall.SIGINT)
	case "init":
		_ = syscall.Kill(initial, syscall.SIGKILL)
	}
	testns.Eventually(t, 10*time.Second, "the processes of the lab have ended", func() bool { return len(inNamespace(space)) == 0 })
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), "fuse.share") {
		t.Errorf("a mount is left: %v", err)
	}
	if _, err := os.Lstat(mountPoint); err == nil {
		t.Errorf("%s is left", mountPoint)
	}
}

func childOf(t *testing.T, pid int) int {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			child, _ := strconv.Atoi(fields[0])
			return child
		}
	}
	t.Fatal("the program outside has no child")
	return 0
}

func namespaceOf(pid int) string {
	name, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	return name
}

func inNamespace(space string) (list []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && space != "" && namespaceOf(pid) == space {
			list = append(list, pid)
		}
	}
	return list
}

// signalled ends with SIGINT, as the context of `stead lab` does.
func signalled() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), unix.SIGINT)
	return ctx
}
