// Package scan looks through files, folders and streams for credentials. It says
// where each stands, by line and column, without keeping more of a file than the
// scanner holds.
package scan

import (
	"context"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/bot-bottle/bottle/dlp"
)

// Finding is what was found, and where. It never holds the text itself.
type Finding struct {
	File string `json:"file"`
	// Line and Column count from 1, Column in characters.
	Line   int64 `json:"line"`
	Column int64 `json:"column"`
	// Offset counts bytes from 0.
	Offset     int64          `json:"offset"`
	Length     int            `json:"length"`
	Rule       string         `json:"rule"`
	Name       string         `json:"name,omitempty"` // of a known value
	Confidence dlp.Confidence `json:"confidence,omitempty"`
	// Field is the name of what the match is the value of, where known.
	Field  string     `json:"field,omitempty"`
	Action dlp.Action `json:"action"`
	// Path is the encodings that the match lies in, from the outermost.
	Path string `json:"path"`
	// Hash is equal for equal texts within one run.
	Hash string `json:"hash"`
}

// Options say what is looked for and where.
type Options struct {
	Engine *dlp.Engine
	// Decide returns the action for a finding. What is Off is not reported.
	Decide func(dlp.Finding) dlp.Action
	// Paths are files and folders, and "-" for Stdin.
	Paths []string
	Stdin io.Reader
	// All has folders named .git looked into.
	All bool
	// Totals, if not nil, is what to count in.
	Totals *Totals
}

// Totals count what was done. They may be read at any time.
type Totals struct {
	Files, Bytes, Findings, Problems atomic.Int64
	current                          atomic.Pointer[string]
}

// Current returns the name of a file that is being read.
func (t *Totals) Current() string {
	if name := t.current.Load(); name != nil {
		return *name
	}
	return ""
}

// Sink takes what comes out, in the order of the paths, from one goroutine.
type Sink interface {
	Finding(Finding) error
	// Problem reports a file or folder that could not be read.
	Problem(name string, err error)
}

const (
	chunkBytes = 64 << 10
	// maxWaiting is how many findings of a file wait for the files before it,
	// maxFiles how many files may be ahead of what was reported.
	maxWaiting = 64
	maxFiles   = 64
)

// Run scans everything. It returns an error if the sink does, or ctx ends.
func Run(ctx context.Context, opts Options, sink Sink) error {
	if opts.Totals == nil {
		opts.Totals = new(Totals)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue, order := make(chan *job), make(chan *job, maxFiles)
	go func() {
		defer close(queue)
		defer close(order)
		walk(opts, func(j *job) bool {
			j.out = make(chan item, maxWaiting)
			return send(ctx, order, j) && send(ctx, queue, j)
		})
	}()
	for range runtime.GOMAXPROCS(0) {
		go func() {
			w := &worker{ctx: ctx, opts: &opts, place: place{scanner: opts.Engine.NewScanner()}, chunk: make([]byte, chunkBytes)}
			for j := range queue {
				w.file(j)
				close(j.out)
			}
		}()
	}
	for j := range order {
		if err := drain(ctx, j, sink, opts.Totals); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// drain hands on what a file comes to.
func drain(ctx context.Context, j *job, sink Sink, totals *Totals) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case it, ok := <-j.out:
			switch {
			case !ok:
				return nil
			case it.err != nil:
				totals.Problems.Add(1)
				sink.Problem(j.name, it.err)
				continue
			}
			totals.Findings.Add(1)
			if err := sink.Finding(it.finding); err != nil {
				return err
			}
		}
	}
}

func send[T any](ctx context.Context, ch chan<- T, v T) bool {
	select {
	case ch <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

type worker struct {
	ctx   context.Context
	opts  *Options
	place place
	chunk []byte
}

// file scans one file.
func (w *worker) file(j *job) {
	w.opts.Totals.current.Store(&j.name)
	r, err := j.open()
	if err != nil {
		send(w.ctx, j.out, item{err: err})
		return
	}
	if r == nil {
		return
	}
	defer r.Close()
	w.opts.Totals.Files.Add(1)
	w.place.reset()
	report := func(f dlp.Finding, line, column int64) {
		if action := w.opts.Decide(f); action != dlp.Off {
			send(w.ctx, j.out, item{finding: finding(j.name, f, action, line, column)})
		}
	}
	for w.ctx.Err() == nil {
		n, err := r.Read(w.chunk)
		w.opts.Totals.Bytes.Add(int64(n))
		w.place.write(w.chunk[:n], report)
		if err == nil {
			continue
		}
		w.place.close(report)
		if err != io.EOF {
			send(w.ctx, j.out, item{err: err})
		}
		return
	}
}

func finding(file string, f dlp.Finding, action dlp.Action, line, column int64) Finding {
	return Finding{File: file, Line: line, Column: column, Offset: f.Offset, Length: f.Length,
		Rule: f.Rule, Name: f.Name, Confidence: f.Confidence, Field: f.Field, Action: action, Path: f.Path, Hash: f.Hash}
}
