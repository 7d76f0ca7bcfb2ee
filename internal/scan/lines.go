package scan

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/bot-bottle/bottle/dlp"
)

// maxPerLine bounds the findings of one line that are listed.
const maxPerLine = 1000

// Line is what is found in one line of the input, which is a stream of its own:
// the offsets count from its beginning.
type Line struct {
	File     string        `json:"file,omitempty"` // not of the standard input
	Line     int64         `json:"line"`
	Findings []LineFinding `json:"findings"`
	More     int           `json:"more,omitempty"` // findings that are not listed
}

// LineFinding is a Finding but for what the Line says.
type LineFinding struct {
	Column     int64          `json:"column"`
	Offset     int64          `json:"offset"`
	Length     int            `json:"length"`
	Rule       string         `json:"rule"`
	Name       string         `json:"name,omitempty"`
	Confidence dlp.Confidence `json:"confidence,omitempty"`
	Field      string         `json:"field,omitempty"`
	Action     dlp.Action     `json:"action"`
	Path       string         `json:"path"`
	Hash       string         `json:"hash"`
}

// Lines scans every line on its own and writes a Line for each to out as JSON,
// as soon as it has been read. A line may be of any length. What could not be
// read is reported.
func Lines(ctx context.Context, opts Options, out io.Writer, problem func(name string, err error)) (err error) {
	if opts.Totals == nil {
		opts.Totals = new(Totals)
	}
	l := &lines{opts: &opts, out: bufio.NewWriter(out), place: place{scanner: opts.Engine.NewScanner()}, r: bufio.NewReaderSize(nil, chunkBytes)}
	l.enc = json.NewEncoder(l.out)
	l.enc.SetEscapeHTML(false)
	walk(opts, func(j *job) bool {
		var bad *readError
		if err = errors.Join(l.file(ctx, j), l.out.Flush()); errors.As(err, &bad) {
			opts.Totals.Problems.Add(1)
			problem(j.name, bad.err)
			err = nil
		}
		return err == nil
	})
	return err
}

type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

type lines struct {
	opts  *Options
	out   *bufio.Writer
	enc   *json.Encoder
	r     *bufio.Reader
	place place
	line  Line
}

func (l *lines) file(ctx context.Context, j *job) error {
	f, err := j.open()
	if err != nil {
		return &readError{err}
	}
	if f == nil {
		return nil
	}
	defer f.Close()
	l.opts.Totals.current.Store(&j.name)
	l.opts.Totals.Files.Add(1)
	l.r.Reset(f)
	l.line = Line{File: j.name}
	if j.name == Stdin {
		l.line.File = ""
	}
	for {
		if err := l.next(ctx); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// next scans and writes one line. At the end it returns io.EOF.
func (l *lines) next(ctx context.Context) error {
	l.place.reset()
	l.line.Line++
	l.line.Findings, l.line.More = []LineFinding{}, 0
	for empty := true; ; empty = false {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.r.Buffered() == 0 { // who reads along waits no longer than for the input
			if err := l.out.Flush(); err != nil {
				return err
			}
		}
		b, err := l.r.ReadSlice('\n')
		l.opts.Totals.Bytes.Add(int64(len(b)))
		if err == nil {
			b = b[:len(b)-1]
		}
		l.place.write(b, l.report)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil:
			return l.write()
		case empty && len(b) == 0:
			return readProblem(err)
		}
		return errors.Join(l.write(), readProblem(err))
	}
}

func readProblem(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return &readError{err}
}

func (l *lines) write() error {
	l.place.close(l.report)
	l.opts.Totals.Findings.Add(int64(len(l.line.Findings) + l.line.More))
	return l.enc.Encode(&l.line)
}

func (l *lines) report(f dlp.Finding, _, column int64) {
	action := l.opts.Decide(f)
	switch {
	case action == dlp.Off:
	case len(l.line.Findings) == maxPerLine:
		l.line.More++
	default:
		l.line.Findings = append(l.line.Findings, LineFinding{Column: column, Offset: f.Offset, Length: f.Length,
			Rule: f.Rule, Name: f.Name, Confidence: f.Confidence, Field: f.Field, Action: action, Path: f.Path, Hash: f.Hash})
	}
}
