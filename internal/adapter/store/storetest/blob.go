package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"
	"testing"

	"stead/internal/adapter/store"
)

func blob(t *testing.T, open func(*testing.T) store.Store) {
	key := fresh("east/heartbeat.txt")
	writer, reader := open(t).Blob(key), open(t).Blob(key)
	for _, value := range []string{"first", "a longer second one", "3", "", "a\x00b\n\xff"} {
		if err := writer.Write(limited(t), []byte(value)); err != nil {
			t.Fatalf("write %q: %v", value, err)
		}
		if got, err := reader.Read(limited(t)); err != nil || string(got) != value {
			t.Fatalf("read: %q, %v; want %q", got, err, value)
		}
	}
}

func blobSizes(t *testing.T, open func(*testing.T) store.Store) {
	b := open(t).Blob(fresh("large"))
	full := bytes.Repeat([]byte{0, 1, 0xfe, 0xff}, store.MaxBlob/4)
	if err := b.Write(limited(t), full); err != nil {
		t.Fatalf("write %d bytes: %v", len(full), err)
	}
	mustHave := func() {
		t.Helper()
		if got, err := b.Read(limited(t)); err != nil || !bytes.Equal(got, full) {
			t.Fatalf("read: %d bytes, %v; want %d", len(got), err, len(full))
		}
	}
	mustHave()
	mustRefuse(t, "write one byte more", b.Write(limited(t), append(full[:len(full):len(full)], 1)))
	mustHave()
}

// torn replaces a blob by shorter and longer ones while others read it: each reads
// one of them as a whole, and never an older one than before.
func torn(t *testing.T, open func(*testing.T) store.Store) {
	const (
		replacements = 120
		readers      = 3
	)
	key := fresh("east/heartbeat.txt")
	ctx, cancel := context.WithCancel(limited(t))
	defer cancel()
	writer := open(t).Blob(key)
	if err := writer.Write(ctx, sealed(0)); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	problems := make(chan error, readers)
	for range readers {
		b := open(t).Blob(key)
		reading.Go(func() {
			problems <- readUntil(ctx, b, replacements)
		})
	}
	for i := range uint32(replacements) {
		if err := writer.Write(ctx, sealed(i+1)); err != nil {
			t.Errorf("write %d: %v", i+1, err)
			cancel()
			break
		}
	}
	reading.Wait()
	for range readers {
		if err := <-problems; err != nil {
			t.Error(err)
		}
	}
}

func readUntil(ctx context.Context, b store.Blob, last uint32) error {
	for seen := uint32(0); seen < last; {
		value, err := b.Read(ctx)
		if err != nil {
			return err
		}
		n, err := unseal(value)
		if err != nil {
			return err
		}
		if n < seen {
			return fmt.Errorf("read replacement %d after %d", n, seen)
		}
		seen = n
	}
	return nil
}

// sealed is a value whose length and checksum depend on n.
func sealed(n uint32) []byte {
	value := binary.BigEndian.AppendUint32(nil, n)
	value = append(value, bytes.Repeat([]byte{byte(n)}, int(n*7919%6000))...)
	return binary.BigEndian.AppendUint32(value, crc32.ChecksumIEEE(value))
}

func unseal(value []byte) (uint32, error) {
	if len(value) < 8 {
		return 0, fmt.Errorf("read a torn value of %d bytes", len(value))
	}
	body := value[:len(value)-4]
	n := binary.BigEndian.Uint32(body)
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(value[len(value)-4:]) || !bytes.Equal(value, sealed(n)) {
		return 0, fmt.Errorf("read a torn value of %d bytes that begins as replacement %d", len(value), n)
	}
	return n, nil
}
