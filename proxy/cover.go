package proxy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

// redactText replaces everything the scanner finds, in an encoding too, so that
// the text may be written to the journal.
func (snap *snapshot) redactText(text string) string {
	return covered(text, snap.find(text))
}

// redactURL is redactText for what the session that sends it may have sent other
// pieces of.
func (x *exchange) redactURL(text string) string {
	sc := x.scanner()
	defer x.snap.scanners.Put(sc)
	return covered(text, scanWhole(sc, []byte(text)))
}

// covered is a text with the rules of what was found in it in its place.
func covered(text string, findings []dlp.Finding) string {
	if len(findings) == 0 {
		return text
	}
	slices.SortStableFunc(findings, func(a, b dlp.Finding) int { return cmp.Compare(coverFrom(a), coverFrom(b)) })
	var b strings.Builder
	done := 0
	for _, f := range findings {
		end := min(max(int(f.Offset)+f.Length, int(f.End)), len(text))
		if f.Kind == dlp.KindPlaceholder || end <= done {
			continue
		}
		if start := int(coverFrom(f)); start >= done {
			b.WriteString(text[done:start])
			b.WriteString("[" + f.Rule + "]")
		}
		done = end
	}
	b.WriteString(text[done:])
	return b.String()
}

// coverFrom is where what a finding stands in begins: all of a run of an encoding
// goes, since what is left of it could be read.
func coverFrom(f dlp.Finding) int64 {
	if f.End == 0 { // not known
		return f.Offset
	}
	return min(f.Start, f.Offset)
}

// redactHost is redactText for a host. A value in the spelling of the agent's
// may not be found any more in canonical form, but be read out of it all the
// same.
func (snap *snapshot) redactHost(raw, canonical string) string {
	if r := snap.redactText(raw); r != raw || raw == canonical {
		return r
	}
	return snap.redactText(canonical)
}

// redactReason is redactText for a text with a canonical host in it, which is to
// be shown as redactHost says.
func (snap *snapshot) redactReason(text, host, shown string) string {
	if host != shown && host != "" {
		text = strings.ReplaceAll(text, host, shown)
	}
	return snap.redactText(text)
}
