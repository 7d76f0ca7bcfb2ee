package proxy

import (
	"sort"
	"strings"

	"github.com/bot-bottle/bottle/dlp"
)

// redactText replaces everything the scanner finds, so that the text may be
// written to the journal. What can be read out of a text by taking its escapes
// apart is covered too: such a text is returned without them.
func (snap *snapshot) redactText(text string) string {
	text = snap.cover(text)
	plain := text
	for range maxLayers {
		var changed bool
		if plain, changed = unescape(plain); !changed {
			break
		}
		if covered := snap.cover(plain); covered != plain {
			text, plain = covered, covered
		}
	}
	return text
}

// cover replaces what the scanner finds in a text as it is.
func (snap *snapshot) cover(text string) string {
	findings := snap.find(text)
	if len(findings) == 0 {
		return text
	}
	sort.Slice(findings, func(i, j int) bool { return findings[i].Offset < findings[j].Offset })
	var b strings.Builder
	done := 0
	for _, f := range findings {
		start, end := int(f.Offset), int(f.Offset)+f.Length
		if f.Kind == dlp.KindPlaceholder || end <= done || end > len(text) {
			continue
		}
		if start > done {
			b.WriteString(text[done:start])
		}
		b.WriteString("[" + f.Rule + "]")
		done = end
	}
	b.WriteString(text[done:])
	return b.String()
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
