package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bot-bottle/bottle/dlp"
)

// A private key is longer than what a scanner holds, so it is found by its beginning.
// In a conversation that is there as a whole, all of it is replaced.

// keyMarks stand in every private key of the formats that are found so.
var keyMarks = [...]string{"PRIVATE KEY", "PuTTY-User-Key-File"}

// keyRules are the rules that find them.
var keyRules = []string{"private-key", "openssh-private-key", "putty-private-key"}

// keyEnd is the last line of a key.
var keyEnd = regexp.MustCompile(`-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----`)

// cutKeys replaces the private keys in JSON. A key goes to its last line, and one
// without a last line to the end of the string that it stands in.
func (x *exchange) cutKeys(body []byte) []byte {
	if !slices.ContainsFunc(keyMarks[:], func(m string) bool { return bytes.Contains(body, []byte(m)) }) {
		return body
	}
	sc := x.snap.scanner()
	found := scanWhole(sc, body)
	x.snap.scanners.Put(sc)
	found = slices.DeleteFunc(found, func(f dlp.Finding) bool {
		return !slices.Contains(keyRules, f.Rule) || x.bodyAction(f) != dlp.Redact || f.Path != "" && f.Path != "json"
	})
	slices.SortFunc(found, func(a, b dlp.Finding) int { return int(a.Offset - b.Offset) })
	fields := x.opaqueFields()
	fields.write(body)
	kept := x.s.markersOf(x.session)
	var out []byte
	done := 0
	var cut []dlp.Redaction
	for _, f := range found {
		from := int(f.Offset)
		if from < done || fields.covers(f.Offset) {
			continue
		}
		to := stringEnd(body, from)
		if at := keyEnd.FindIndex(body[from:to]); at != nil {
			to = from + at[1]
		}
		// Of the whole key, however it is written: two may begin alike.
		sum := sha256.Sum256([]byte(keyText(body[from:to])))
		f.Hash = hex.EncodeToString(sum[:])
		marker := x.snap.engine.Marker(f)
		kept.keep(marker, body[from:to])
		out = append(append(out, body[done:from]...), marker...)
		done = to
		f.Hash = "" // which tells nothing in the journal, as it has no key
		cut = append(cut, dlp.Redaction{Finding: f, Action: dlp.Redact, Marker: marker})
	}
	if len(cut) == 0 {
		return body
	}
	v := judgeRedactions(cut, x.bodyPart(), x.bodyAction)
	x.note(&v)
	return append(out, body[done:]...)
}

// keyText is a text as it stands in its file: without what a program that has shown it
// put in front of each line of a key, the number of the line or the sign of a diff. It is
// the same key for the model then, and lines that it writes have nothing in front.
func keyText(raw []byte) string {
	text := unquoted(string(raw))
	lines := strings.Split(text, "\n")
	n := len(lines) - 1
	front, _, ok := strings.Cut(lines[n], "-----END")
	if n == 0 || !ok || strings.Trim(front, " \t") == "" {
		return text
	}
	last, _ := strconv.Atoi(numbered(front))
	for i := 1; i <= n; i++ {
		switch number := numbered(lines[i]); {
		case number != "" && number == strconv.Itoa(last-n+i):
			_, lines[i], _ = strings.Cut(lines[i], number)
			_, size := utf8.DecodeRuneInString(lines[i])
			lines[i] = lines[i][size:]
		case last == 0 && lines[i] != "" && lines[i][0] == front[0] && (front[0] == '+' || front[0] == '-'):
			lines[i] = lines[i][1:]
		default:
			return text
		}
	}
	return strings.Join(lines, "\n")
}

// lineNumber is how programs show one.
var lineNumber = regexp.MustCompile("^[ \t]*([0-9]{1,9})[→\t:|-]")

// numbered is the number that a line begins with, "" for none.
func numbered(line string) string {
	if m := lineNumber.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// stringEnd is where the string of JSON ends that an offset is in.
func stringEnd(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(b)
}

// conversation holds a message to a model until it is there in full, as long as there
// is room for it.
type conversation struct {
	x        *exchange
	collects bool
	doc      []byte
	taken    int64
}

// begin is called before each message.
func (c *conversation) begin(x *exchange) {
	c.x, c.doc = x, nil
	c.collects = x.isModel() && x.mayRedact() && !x.socket.binary
}

func (c *conversation) write(p []byte) []byte {
	if !c.collects {
		return p
	}
	// A buffer that grows can have twice the length.
	for need := 2 * int64(len(c.doc)+len(p)); c.taken < need; c.taken += decideBytes {
		if c.taken >= 2*modelBytes || !c.x.tryTake(decideBytes) {
			return append(c.give(), p...)
		}
	}
	c.doc = append(c.doc, p...)
	return nil
}

// give ends the collecting.
func (c *conversation) give() []byte {
	doc := c.doc
	c.x.give(c.taken)
	c.doc, c.taken, c.collects = nil, 0, false
	return doc
}

// end returns the message, without its private keys.
func (c *conversation) end() []byte {
	if !c.collects {
		return nil
	}
	return c.x.cutKeys(c.give())
}

// finish gives back what is taken for a message that did not end.
func (c *conversation) finish() {
	if c.taken > 0 {
		c.give()
	}
}
