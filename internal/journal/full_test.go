package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/proxy"
)

// fillUp records on a disk that fills up and gets space again, and returns what
// went wrong: the journal must refuse what it cannot keep, keep what it did not
// refuse, and say how much it refused.
func fillUp(dir string, o Options, fill, free func() error, full error) error {
	w, err := Open(dir, o)
	if err != nil {
		return err
	}
	kept, refused := map[string]bool{}, map[string]bool{}
	i := 0
	one := func() error {
		i++
		e := allowed(i)
		if i%7 == 0 {
			e = denied(i)
		}
		err := w.Record(context.Background(), e)
		if err == nil {
			kept[e.ID] = true
		} else {
			refused[e.ID] = true
		}
		return err
	}
	for range 50 {
		if err := one(); err != nil {
			return fmt.Errorf("before the disk was full: %w", err)
		}
	}
	if err := fill(); err != nil {
		return err
	}
	for len(refused) == 0 && i < 10000 {
		if err := one(); err != nil && !errors.Is(err, full) {
			return fmt.Errorf("the full disk is not in the error: %w", err)
		}
	}
	for range 20 {
		if one() == nil {
			return errors.New("an event was taken while the disk was full")
		}
	}
	for e, err := range Read(dir, Filter{}) {
		if err != nil {
			return fmt.Errorf("while the disk was full: %w", err)
		}
		if refused[e.ID] {
			return fmt.Errorf("%s was refused and is in the journal", e.ID)
		}
	}
	if err := free(); err != nil {
		return err
	}
	for range 50 {
		if err := one(); err != nil {
			return fmt.Errorf("with space again: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return wasRefused(dir, kept, refused)
}

func wasRefused(dir string, kept, refused map[string]bool) error {
	note := fmt.Sprintf("%d events could not be recorded", len(refused))
	told := false
	for e, err := range Read(dir, Filter{}) {
		if err != nil {
			return err
		}
		if refused[e.ID] {
			return fmt.Errorf("%s was refused and is in the journal", e.ID)
		}
		delete(kept, e.ID)
		told = told || e.Type == proxy.EventNote && e.Rule == RuleRepair && strings.HasPrefix(e.Reason, note)
	}
	if len(kept) > 0 {
		return fmt.Errorf("%d events were taken and are not in the journal", len(kept))
	}
	if !told {
		return fmt.Errorf("no note says that %s", note)
	}
	r, err := Verify(dir)
	if err == nil && !r.OK {
		err = fmt.Errorf("problems: %+v", r.Problems)
	}
	return err
}

func TestFullDisk(t *testing.T) {
	for room := range int64(5) {
		t.Run(fmt.Sprintf("with %d bytes left", room*100), func(t *testing.T) {
			d := newDisk()
			fill := func() error { d.room.Store(room * 100); return nil }
			free := func() error { d.room.Store(-1); return nil }
			if err := fillUp(t.TempDir(), Options{open: d.open}, fill, free, errFull); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFullDiskKeepsEndLinesUntilThereIsSpace(t *testing.T) {
	d := newDisk()
	dir := t.TempDir()
	w := open(t, dir, Options{open: d.open, HeadDelay: never})
	record(t, w, allowed(1))
	d.room.Store(0)
	for i := range 2000 {
		record(t, w, ended(i+1))
	}
	d.room.Store(-1)
	closeOK(t, w)
	if n := len(read(t, dir, Filter{})); n != 2001 {
		t.Errorf("the journal has %d lines, want 2001", n)
	}
}

func TestFullDiskAtCloseIsReported(t *testing.T) {
	d := newDisk()
	w := open(t, t.TempDir(), Options{open: d.open})
	record(t, w, allowed(1))
	d.room.Store(0)
	record(t, w, ended(1))
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "not written: 1 line") {
		t.Errorf("Close: %v", err)
	}
}

func TestFullDiskAtOpenIsAnError(t *testing.T) {
	dir := write(t, 3, Options{})
	list := lines(t, dir, 1)
	setRaw(t, dir, 1, strings.Join(list, "\n")+"\n"+`{"seq":4`)
	d := newDisk()
	d.room.Store(0)
	if w, err := Open(dir, Options{open: d.open}); !errors.Is(err, errFull) {
		t.Errorf("Open: %v, %v", w, err)
	}
	d.room.Store(-1)
	closeOK(t, open(t, dir, Options{open: d.open})) // the lock was given back
}

func TestFullDiskIsReportedByTheOpenOfANewJournal(t *testing.T) {
	dir := t.TempDir()
	d := newDisk()
	d.room.Store(0)
	if w, err := Open(dir, Options{open: d.open}); !errors.Is(err, errFull) {
		t.Errorf("Open: %v, %v", w, err)
	}
	d.room.Store(-1)
	closeOK(t, open(t, dir, Options{open: d.open}))
}

func TestFullDiskHoldsABoundedNumberOfEndLines(t *testing.T) {
	d := newDisk()
	dir := t.TempDir()
	w := open(t, dir, Options{open: d.open, HeadDelay: never})
	record(t, w, allowed(1))
	d.room.Store(0)
	kept := 0
	for w.Record(context.Background(), ended(kept+1)) == nil && kept < maxPending {
		kept++
	}
	if kept < 1000 || kept > maxPending/100 {
		t.Errorf("%d end lines were held", kept)
	}
	d.room.Store(-1)
	closeOK(t, w) // with a note of the one that was not
	list := read(t, dir, Filter{})
	if last := list[len(list)-1]; len(list) != kept+2 || !strings.HasPrefix(last.Reason, "1 events could not be recorded") {
		t.Errorf("%d lines, the last is %+v; want %d", len(list), last, kept+2)
	}
}
