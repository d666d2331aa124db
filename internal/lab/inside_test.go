package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A kernel test runs three times over: the test binary starts itself, once as
// root and once as an ordinary user, and those start it inside the lab's namespaces.
const (
	stageEnv     = "STEAD_LAB_TEST"
	stageOutside = "outside"
	stageInside  = "inside"
	stageSleeper = "sleeper" // does nothing until it is killed
)

// nobody is an ordinary user.
const nobody = 65534

func TestMain(m *testing.M) {
	for os.Getenv(stageEnv) == stageSleeper {
		_ = unix.Pause()
	}
	if os.Getenv(stageEnv) == stageInside {
		if err := Enter(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// kernel runs body inside the lab's namespaces, as every user that can be had here.
func kernel(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	switch os.Getenv(stageEnv) {
	case stageInside:
		body(t)
	case stageOutside:
		var out bytes.Buffer
		container := Container{Args: []string{"-test.run=^" + t.Name() + "$", "-test.v"}, Env: []string{stageEnv + "=" + stageInside}, Stdout: &out, Stderr: &out}
		if err := container.Run(t.Context()); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
	default:
		t.Run("user", func(t *testing.T) { again(t, nobody) })
		if os.Geteuid() == 0 {
			t.Run("root", func(t *testing.T) { again(t, 0) })
		} else if os.Getenv("STEAD_UNPRIVILEGED") != "1" {
			t.Error("needs root to show what differs for root: run it as root, or set STEAD_UNPRIVILEGED=1")
		}
	}
}

// again runs the test that t is part of in a process of its own.
func again(t *testing.T, uid uint32) {
	t.Helper()
	cmd := outsideCommand(parentName(t), uid)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func outsideCommand(test string, uid uint32) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), stageEnv+"="+stageOutside)
	cmd.Dir = "/"
	if os.Geteuid() == 0 && uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	return cmd
}

func parentName(t *testing.T) string {
	name, _, _ := bytes.Cut([]byte(t.Name()), []byte("/"))
	return string(name)
}

// threeHosts is the trial's network: see the drawing in the package comment.
func threeHosts(t *testing.T, ipv6 bool) *World {
	t.Helper()
	w, err := NewWorld(trialHosts(&Options{IPv6: ipv6}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}
