// Package journal is the event log of a bottle: what it asked for, what was
// decided, what went over the wire. It is written by one process and read by
// any number of others, while it is written and after.
//
// # On disk
//
// A journal is a folder (0700) with
//
//	0000000000000001.jsonl         a segment: JSON lines, named by the number of its first line
//	0000000000000894.jsonl         the next one
//	0000000000000001.extent.json   what that one holds, for readers who look for something
//	head.json                      how many lines there are, and the hash of the last
//	lock                           held by the writer (flock); holds its process id
//	bodies/0000000000000001.bodies bodies of exchanges, where they are recorded
//
// Each line is a [proxy.Event] with two fields before it: seq, which counts the
// lines from 1 through all segments, and prev, the SHA-256 of the line before (of
// its bytes without the line feed; zeros before the first). In a line, every
// rune that a terminal would act on or not show stands as \uXXXX, so a journal
// can be looked at with any tool. Lines are at most [MaxLine] bytes: what an
// agent makes longer is cut, and the line's field "cut" names the fields.
//
// # What is kept when
//
//   - Record of a denial returns when the line is on disk (fsync). Calls that
//     come at the same time share one.
//   - Record of any other decision and of a note returns when the line was handed
//     to the kernel (write): it survives the end of the process, however that
//     comes. It is fsynced within [CommitDelay], or as soon as an fsync that is
//     under way at that time has ended.
//   - Record of an end line returns at once; the line is written with the next one
//     that is not, or within CommitDelay. A killed process loses at most these.
//   - An error of Record means that the event is not in the journal, and so that
//     what it is about must not happen. Later calls try again: when space is back
//     on a full disk, the journal goes on, with a note that says how many events
//     could not be recorded. No half line stays behind.
//   - A journal of [MaxBytes] is full like a disk: Record returns [ErrFull]. The last
//     part of it is kept for the end lines of what is still running. Old segments
//     are never removed to make room: an agent could make its own past go away.
//   - head.json is there before the first line, so that one without it has lost it.
//     It is replaced (written aside, fsynced, renamed) at most [HeadDelay] after
//     lines were fsynced, so it is never ahead of them.
//
// A line that a crash left unfinished is cut off by the next Open, with a note.
//
// # Bodies
//
// The end line of an exchange says where its bodies are (file, offset, length) and has
// their SHA-256, so the chain is about them, too; [ReadBody] holds them to it. They take
// [MaxBodies] at most, beside [MaxBytes]: the oldest file goes to make room for new ones.
//
// # What the chain proves, and what not
//
// [Verify] names a line that was changed, is missing, was moved or put in, and
// tells from the head when the end is gone. It finds damage, and the work of
// somebody who edits a segment. Against somebody with the writer's own rights, it
// proves nothing: they can write a new journal, with hashes and head to match,
// or cut off lines that are not in the head yet. Agents in a bottle cannot reach
// the folder. To hold on to what is there now against everybody, keep the head
// (`bottle logs verify` prints it) somewhere else and give it to Verify later.
package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/bot-bottle/bottle/proxy"
)

// Limits of a journal.
const (
	// MaxLine is the longest line in bytes, without its line feed. The writer
	// keeps to it, and the readers report a longer one without reading it in.
	MaxLine = 1 << 20

	// SegmentSize is the size at which the next segment is begun.
	SegmentSize = 64 << 20

	// MaxBytes is the size of all segments at which a journal takes no more.
	MaxBytes = 1 << 30

	// CommitDelay is how long lines may wait for the fsync that they share, unless a
	// denial, which waits for its own, comes before. At 5 ms one busy connection had
	// 200 a second.
	CommitDelay = 20 * time.Millisecond

	// HeadDelay is how long the head may stay behind lines that are on disk.
	HeadDelay = 100 * time.Millisecond

	// batchSize is how many bytes of end lines wait for CommitDelay at most.
	batchSize = 64 << 10

	// maxReserve is how much of MaxBytes is kept for end lines and for what the
	// journal says about itself. A small journal keeps a quarter of it.
	maxReserve = 16 << 20

	// maxPending is how many bytes of end lines are held while the disk is full.
	maxPending = 1 << 20
)

// RuleRepair is the Rule of the notes that the journal writes about itself: lines
// lost, cut off or not written. Nobody else's events may have it.
const RuleRepair = "journal"

// ErrClosed is returned by Record after Close.
var ErrClosed = errors.New("the journal is closed")

// ErrFull is returned by Record when the journal has Options.MaxBytes. It wraps
// [proxy.ErrJournalFull].
var ErrFull = fmt.Errorf("%w: a new bottle begins a new one", proxy.ErrJournalFull)

// LockedError is returned by Open while another process writes the journal.
type LockedError struct {
	Dir string
	PID int // 0 where it is not known
}

// Error names the process and says what to do.
func (e *LockedError) Error() string {
	who := "another process"
	if e.PID > 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("the journal %s is being written by %s: stop that one first (`bottle ls`, `bottle down`), or use another state folder", e.Dir, who)
}

// Options of a Writer. The zero value is what a bottle uses.
type Options struct {
	// SegmentSize replaces the constant of that name, where it is positive.
	SegmentSize int64

	// MaxBytes replaces the constant of that name, where it is positive.
	MaxBytes int64

	// BodyFileSize and MaxBodies replace the constants of these names, where they
	// are positive.
	BodyFileSize, MaxBodies int64

	// CommitDelay and HeadDelay replace the constants of these names, where
	// they are positive.
	CommitDelay, HeadDelay time.Duration

	open openFunc // of segments and of the head; tests fill disks with it
}

func (o Options) withDefaults() Options {
	if o.SegmentSize <= 0 {
		o.SegmentSize = SegmentSize
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = MaxBytes
	}
	if o.BodyFileSize <= 0 {
		o.BodyFileSize = BodyFileSize
	}
	if o.MaxBodies <= 0 {
		o.MaxBodies = MaxBodies
	}
	if o.CommitDelay <= 0 {
		o.CommitDelay = CommitDelay
	}
	if o.HeadDelay <= 0 {
		o.HeadDelay = HeadDelay
	}
	if o.open == nil {
		o.open = openFile
	}
	return o
}
