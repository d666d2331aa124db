package store

import (
	"errors"
	"fmt"
	"strings"
)

// The bounds of keys in bytes.
const (
	MaxKey     = 200 // of a register's key
	MaxBlobKey = 900 // of a blob's: those of others are long
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// CheckKey refuses what is no key of a register: 1 to MaxKey letters, digits, '.',
// '_' and '-', in parts divided by '/'. No part is empty or begins with a '.'.
func CheckKey(key string) error {
	return checkKey(key, MaxKey, func(r byte) bool { return strings.IndexByte(letters+"._-", r) >= 0 },
		"letters, digits, '.', '_' and '-'")
}

// CheckBlobKey refuses what is no key of a blob: as CheckKey, but up to MaxBlobKey
// bytes and with any printable ASCII character but the backslash. Checkpoints that
// others write have names such as "$default".
func CheckBlobKey(key string) error {
	return checkKey(key, MaxBlobKey, func(r byte) bool { return r >= ' ' && r <= '~' && r != '\\' },
		"printable ASCII characters other than the backslash")
}

func checkKey(key string, most int, allowed func(byte) bool, which string) error {
	if key == "" || len(key) > most {
		return fmt.Errorf("key %q: has %d bytes, not 1–%d", key, len(key), most)
	}
	for part := range strings.SplitSeq(key, "/") {
		switch {
		case part == "":
			return fmt.Errorf("key %q: has an empty part: write one '/' between two parts, and none around them", key)
		case part[0] == '.':
			return fmt.Errorf("key %q: the part %q begins with a '.'", key, part)
		}
		for i := range len(part) {
			if !allowed(part[i]) {
				return fmt.Errorf("key %q: %q is not allowed, only %s", key, part[i], which)
			}
		}
	}
	return nil
}

// CheckValue refuses what a register cannot hold: it holds 1 to MaxRegister
// letters, digits, spaces and any of "=.,_/:-".
func CheckValue(value []byte) error {
	if len(value) == 0 || len(value) > MaxRegister {
		return fmt.Errorf("value of a register: has %d bytes, not 1–%d", len(value), MaxRegister)
	}
	for _, c := range value {
		if strings.IndexByte(letters+" =.,_/:-", c) < 0 {
			return fmt.Errorf("value of a register: %q is not allowed, only letters, digits, spaces and =.,_/:-", c)
		}
	}
	return nil
}

// CheckBlob refuses a value that readers would refuse: one of more than MaxBlob bytes.
func CheckBlob(value []byte) error {
	if len(value) > MaxBlob {
		return fmt.Errorf("blob: has %d bytes, not up to %d", len(value), MaxBlob)
	}
	return nil
}

// ErrNoMetadata is what Metadata returns where the store is no object store.
var ErrNoMetadata = errors.New("this kind of store keeps no metadata: only azblob and s3 do")
