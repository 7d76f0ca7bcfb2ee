package scan

import (
	"bytes"

	"github.com/bot-bottle/bottle/dlp"
)

// place scans a stream and says on which line and in which column its findings
// stand. It holds what the scanner holds.
type place struct {
	scanner *dlp.Scanner
	held    []byte // the end of the stream, from mark on
	mark    position
}

// position is a place in a stream; line and column count from 0.
type position struct{ offset, line, column int64 }

type reporter func(f dlp.Finding, line, column int64)

func (p *place) reset() {
	p.scanner.Reset()
	p.held, p.mark = p.held[:0], position{}
}

func (p *place) write(b []byte, report reporter) {
	p.held = append(p.held, b...)
	p.locate(p.scanner.Write(b), report)
}

func (p *place) close(report reporter) { p.locate(p.scanner.Close(), report) }

// locate reports findings, and forgets what no other can stand in.
func (p *place) locate(found []dlp.Finding, report reporter) {
	at := p.mark
	for _, f := range found {
		if f.Offset < at.offset {
			at = p.mark
		}
		p.advance(&at, f.Offset)
		report(f, at.line+1, at.column+1)
	}
	before := p.mark.offset
	p.advance(&p.mark, p.scanner.Safe())
	p.held = p.held[:copy(p.held, p.held[p.mark.offset-before:])]
}

// advance moves a position that is not before the mark forward to an offset.
func (p *place) advance(at *position, to int64) {
	if to <= at.offset {
		return
	}
	b := p.held[at.offset-p.mark.offset : to-p.mark.offset]
	at.offset = to
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		at.line += int64(bytes.Count(b, []byte{'\n'}))
		at.column = 0
		b = b[i+1:]
	}
	at.column += characters(b)
}

// characters counts the bytes that begin one in UTF-8, so that it does not
// matter where a text was cut.
func characters(b []byte) (n int64) {
	for _, c := range b {
		if c&0xc0 != 0x80 {
			n++
		}
	}
	return n
}
