package memfd

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSharedIsOneMemory(t *testing.T) {
	f, err := Shared("test", 8192)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := Map(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Map(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(a) != 8192 || len(b) != 8192 {
		t.Fatalf("mapped %d and %d bytes", len(a), len(b))
	}
	a[8191] = 7
	if b[8191] != 7 {
		t.Error("the two mappings are not one memory")
	}
	for _, mem := range [][]byte{a, b} {
		if err := Unmap(mem); err != nil {
			t.Error(err)
		}
	}
}

func TestSizeIsFixed(t *testing.T) {
	f, err := Shared("test", 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int64{0, 8192} {
		if err := f.Truncate(size); !errors.Is(err, unix.EPERM) {
			t.Errorf("truncate to %d: %v, want EPERM", size, err)
		}
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); !errors.Is(err, unix.EPERM) {
		t.Errorf("one more seal: %v, want EPERM", err)
	}
}

func TestFrozenIsFrozen(t *testing.T) {
	f, err := Frozen("test", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("write: %v, want EPERM", err)
	}
	for range 2 {
		if data, err := ReadAll(f); err != nil || !bytes.Equal(data, []byte("text")) {
			t.Errorf("ReadAll: %q, %v", data, err)
		}
	}
}

func TestFrozenMayBeEmpty(t *testing.T) {
	f, err := Frozen("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := ReadAll(f); err != nil || len(data) != 0 {
		t.Errorf("ReadAll: %q, %v", data, err)
	}
}

func TestMapRefusesWhatCanShrink(t *testing.T) {
	f, err := create("test")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := Map(f); !errors.Is(err, ErrUnsealed) {
		t.Errorf("unsealed memory: %v", err)
	}
	plain, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := Map(plain); err == nil {
		t.Error("a plain file was mapped")
	}
}
