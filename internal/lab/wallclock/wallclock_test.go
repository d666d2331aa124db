package wallclock

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What the test program does when it is started by the test.
const (
	roleEnv      = "STEAD_WALLCLOCK_TEST"
	roleLauncher = "launcher"
	roleTeller   = "teller"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case roleLauncher:
		_ = os.Setenv(roleEnv, roleTeller)
		fmt.Println(Exec(os.Args))
		os.Exit(1)
	case roleTeller:
		tell()
	}
	os.Exit(m.Run())
}

// tell prints the wall clock and the clock since boot, once per line that it reads.
func tell() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var boot unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
		fmt.Println(time.Now().UnixNano())
		fmt.Println(boot.Nano())
	}
	os.Exit(0)
}

func TestStep(t *testing.T) {
	var clock Clock
	program, err := Copy("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+roleLauncher)
	if cmd.ExtraFiles, err = clock.Files(program); err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.ExtraFiles[0].Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	read := func() int64 {
		if !lines.Scan() {
			t.Fatal("the program has ended")
		}
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			t.Fatal(lines.Text())
		}
		return n
	}
	for _, step := range []time.Duration{0, time.Hour, -time.Hour, 0} {
		clock.Step(step)
		if _, err := in.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		wall, boot := time.Unix(0, read()), read()
		if off := time.Until(wall.Add(-step)).Abs(); off > time.Minute {
			t.Errorf("stepped by %v: the wall clock is off by %v", step, off)
		}
		var mine unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &mine)
		if off := time.Duration(mine.Nano() - boot).Abs(); off > time.Minute {
			t.Errorf("stepped by %v: the clock since boot is off by %v", step, off)
		}
		if clock.Asked() == 0 {
			t.Errorf("stepped by %v: nobody has asked for the time", step)
		}
	}
}
