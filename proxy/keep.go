package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/bot-bottle/bottle/dlp"
)

// recordEnd writes the last line of an exchange, behind the bodies that it tells of.
// Those are redacted and written in the background: the agent does not wait for it.
func (s *Server) recordEnd(e *Event, r *recording) {
	request, answer := r.request.close(), r.answer.close()
	if !request && !answer {
		r.drop()
		_ = s.record(e)
		return
	}
	e.Time = time.Now()
	if !r.request.holds() && !r.answer.holds() {
		s.tellBodies(e, r) // to wait would take memory that nothing bounds
		return
	}
	s.mu.Lock()
	background := !s.closing
	if background {
		s.keeping.Add(1)
	}
	s.mu.Unlock()
	if !background {
		s.keepBodies(e, r)
		return
	}
	go func() {
		defer s.keeping.Done()
		s.keepBodies(e, r)
	}()
}

// keepBodies does so for one exchange at a time, so that there is one decoder and one
// scanner for it. Those that wait have taken their memory of maxRecorded.
func (s *Server) keepBodies(e *Event, r *recording) {
	s.keepOne.Lock()
	defer s.keepOne.Unlock()
	s.tellBodies(e, r)
}

// tellBodies writes the line with what becomes of the bodies.
func (s *Server) tellBodies(e *Event, r *recording) {
	defer r.drop()
	// The newest configuration knows values that changed meanwhile.
	if snap := s.use(); snap != nil {
		defer snap.leave()
		e.RequestBody, e.AnswerBody = s.keepBody(snap, &r.request), s.keepBody(snap, &r.answer)
	}
	_ = s.record(e)
}

// keepBody keeps one body, or says why not; nil where there is none.
func (s *Server) keepBody(snap *snapshot, b *recordedBody) (kept *EventBody) {
	if b.seen == 0 {
		return nil
	}
	defer func() { // in the background, where a panic would end the process
		if p := recover(); p != nil {
			s.log.Error("panic while a body was recorded", "panic", p)
			kept = &EventBody{Missing: "internal error"}
		}
	}()
	if !snap.RecordBodies {
		return &EventBody{Missing: "recording was switched off"}
	}
	kept = &EventBody{Type: snap.redactText(b.typ)}
	if b.coding == "" {
		kept.Size = max(b.size, b.seen)
	}
	if err := s.keepText(snap, b, kept); err != nil {
		kept.BodyPlace, kept.Redacted, kept.Cut, kept.Missing = BodyPlace{}, 0, false, snap.redactText(err.Error())
	}
	return kept
}

func (s *Server) keepText(snap *snapshot, b *recordedBody, kept *EventBody) error {
	if b.why != "" {
		return errors.New(b.why)
	}
	text, whole, err := b.text()
	if err != nil {
		return err
	}
	if whole && b.coding != "" {
		kept.Size = int64(len(text))
	}
	if text, kept.Redacted, err = snap.redactBody(text, whole); err != nil {
		return err
	}
	if kept.Cut = !whole || len(text) > maxKeptBody; kept.Cut {
		text = wholeRunes(text[:min(len(text), maxKeptBody)])
	}
	if kept.BodyPlace, err = s.opts.Bodies.KeepBody(text); err != nil {
		s.log.Warn("a body cannot be recorded", "error", err)
		return fmt.Errorf("it could not be written: %w", err)
	}
	return nil
}

// text is what there is of a body without its coding, and whether that is all of it.
func (b *recordedBody) text() (text []byte, whole bool, err error) {
	whole = b.ended && b.seen == int64(len(b.buf))
	if b.coding == "" {
		return b.buf, whole, nil
	}
	dec, err := newDecoder(b.coding, bytes.NewReader(b.buf))
	if err != nil {
		return nil, false, fmt.Errorf("its Content-Encoding %s cannot be looked into", headerText(b.coding))
	}
	text, err = io.ReadAll(io.LimitReader(dec, maxSeenBody))
	if err != nil && (whole || len(text) == 0) {
		return nil, false, fmt.Errorf("its Content-Encoding %s cannot be taken off", headerText(b.coding))
	}
	return text, whole && len(text) < maxSeenBody, nil
}

// redactBody replaces everything that the scanner finds by markers, whatever the policy
// does about it on its way. Of a body that is not whole, what may be the beginning of
// something is left out. Where nothing can be replaced, or not all could be looked
// through, there is an error.
func (snap *snapshot) redactBody(text []byte, whole bool) (out []byte, replaced int, err error) {
	sc := snap.scanner()
	defer snap.scanners.Put(sc)
	red := dlp.NewRedactor(sc, dlp.RedactOptions{Strict: true, Decide: recordedAction})
	out, done, err := red.Write(make([]byte, 0, len(text)), text)
	replaced = countRedacted(done)
	if err == nil && whole {
		out, done, err = red.Close(out)
		replaced += countRedacted(done)
	}
	var stop *dlp.BlockedError
	switch {
	case errors.As(err, &stop) && stop.Finding.Kind == dlp.KindUnscanned:
		return nil, 0, errors.New("a part of it could not be looked through: " + unscannedReasons[stop.Finding.Name])
	case errors.As(err, &stop):
		return nil, 0, fmt.Errorf("%s stands in it where it cannot be replaced for sure", stop.Finding.Rule)
	case err != nil:
		return nil, 0, err
	}
	for _, f := range scanWhole(sc, out) {
		if recordedAction(f) != dlp.Off {
			return nil, 0, fmt.Errorf("%s was found in it once more when it had been replaced", f.Rule)
		}
	}
	return out, replaced, nil
}

// recordedAction is what becomes of a finding in a body that is kept. A placeholder
// stays.
func recordedAction(f dlp.Finding) dlp.Action {
	switch f.Kind {
	case dlp.KindPlaceholder:
		return dlp.Off
	case dlp.KindUnscanned:
		return dlp.Block
	}
	return dlp.Redact
}

func countRedacted(done []dlp.Redaction) (n int) {
	for _, d := range done {
		if d.Action == dlp.Redact {
			n++
		}
	}
	return n
}

// wholeRunes leaves out the beginning of a rune at the end.
func wholeRunes(text []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if b := text[len(text)-i:]; utf8.RuneStart(b[0]) {
			if !utf8.FullRune(b) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}
