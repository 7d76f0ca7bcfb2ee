package pktline

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"
)

// MaxReason is the longest reason in characters that CleanReason leaves.
const MaxReason = 200

// maxReportLines bounds what is read of a report, with its options.
const maxReportLines = 8 * MaxCommands

// Report is what became of a push (gitprotocol-pack(5), "Report Status").
type Report struct {
	// Unpack is why the pack was not taken, or "".
	Unpack string
	Refs   []RefStatus
}

// RefStatus is what became of a command.
type RefStatus struct {
	Ref string
	// Reason is why it was refused; "" if it was not.
	Reason string
}

// CleanReason makes one line of a text, without characters that cannot be seen,
// and of at most MaxReason characters.
func CleanReason(text string) string { return clean(text, MaxReason) }

func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return strings.TrimSpace(text)
}

// Append appends the report with its flush. Reasons are cleaned.
func (r Report) Append(dst []byte) []byte {
	unpack := CleanReason(r.Unpack)
	if unpack == "" {
		unpack = "ok"
	}
	dst = Append(dst, "unpack "+unpack+"\n")
	for _, s := range r.Refs {
		if reason := CleanReason(s.Reason); reason != "" {
			dst = Append(dst, "ng "+s.Ref+" "+reason+"\n")
		} else {
			dst = Append(dst, "ok "+s.Ref+"\n")
		}
	}
	return append(dst, FlushPacket...)
}

// Refuse returns the report in which every command is refused: with its reason,
// or with that of the others where it has none of its own. A push is taken as a
// whole or not at all.
func Refuse(commands []Command, reason func(ref string) string, others string) Report {
	var r Report
	for _, c := range commands {
		text := reason(c.Ref)
		if CleanReason(text) == "" {
			text = others
		}
		r.Refs = append(r.Refs, RefStatus{c.Ref, text})
	}
	return r
}

// Answer returns what a server answers a push with, as the client can read it: the
// report if it wants one; within side-bands if it knows them, behind the text,
// which it prints line by line, also when it is told to be quiet, as it does with
// what a hook says.
func (p *Push) Answer(r Report, text string) []byte {
	var report []byte
	if p.Capabilities.Has("report-status") || p.Capabilities.Has("report-status-v2") {
		report = r.Append(nil)
	}
	if !p.Capabilities.Has("side-band-64k") {
		return report
	}
	var out bytes.Buffer
	_, _ = NewSideband(&out, BandProgress).Write([]byte(text)) // a Buffer takes everything
	_, _ = NewSideband(&out, BandData).Write(report)
	out.WriteString(FlushPacket)
	return out.Bytes()
}

// ReadReport reads a report up to its flush, of either version; the options of
// the second are not kept. Where the client asked for side-bands, r reads from a
// Demux.
func ReadReport(r *Reader) (Report, error) {
	var rep Report
	for n := 0; ; n++ {
		kind, payload, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return rep, io.ErrUnexpectedEOF
		case err != nil:
			return rep, err
		case kind == Flush && n > 0:
			return rep, nil
		case kind != Data:
			return rep, malformed("a packet that is no report")
		case n == maxReportLines:
			return rep, malformed("a report of more than %d lines", maxReportLines)
		}
		if err := rep.add(n == 0, string(line(payload))); err != nil {
			return rep, err
		}
	}
}

func (r *Report) add(first bool, text string) error {
	word, rest, _ := strings.Cut(text, " ")
	ref, reason, _ := strings.Cut(rest, " ")
	switch {
	case first && word == "ERR":
		return &RemoteError{CleanReason(rest)}
	case first != (word == "unpack"):
		return malformed("a report begins with unpack")
	case first:
		if rest != "ok" {
			r.Unpack = reasonOr(rest)
		}
	case word == "option" && len(r.Refs) > 0:
	case word != "ok" && word != "ng", CheckRefName(ref) != nil:
		return malformed("a line that no report has")
	case word == "ng":
		r.Refs = append(r.Refs, RefStatus{ref, reasonOr(reason)})
	case reason != "":
		return malformed("a line that no report has")
	default:
		r.Refs = append(r.Refs, RefStatus{Ref: ref})
	}
	return nil
}

// reasonOr is the reason in a line that tells of a failure, whatever it says.
func reasonOr(text string) string {
	if text = CleanReason(text); text != "" && text != "ok" {
		return text
	}
	return "no reason given"
}
