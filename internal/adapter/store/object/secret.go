package object

import (
	"fmt"
	"os"
	"strings"
)

// Secret reads a file with a secret on one line, and refuses one that everybody on
// the machine can read.
func Secret(file string) (string, error) {
	if err := Private(file); err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || strings.ContainsAny(secret, " \t\r\n") {
		return "", fmt.Errorf("%s: does not hold one word: a secret on one line was expected", file)
	}
	return secret, nil
}

// Private refuses a file that everybody on the machine can read.
func Private(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Errorf("%s: can be read by everybody (mode %04o): chmod o-r, or in a pod defaultMode 0440 with fsGroup", file, info.Mode().Perm())
	}
	return nil
}
