// Package dlp finds credentials in a stream of bytes while it passes, without
// letting any byte of one pass first.
//
// There are two kinds of things to find. A known value is a text that the
// caller names: the value of a secret of its own, or the placeholder that
// stands for one. It is found wherever its bytes stand, plain, in base64 of
// either alphabet at any alignment, percent-encoded or escaped for JSON. A
// format is what a token of some service looks like: a [Rule] with a prefix in
// exact case, a length, and a boundary on both sides. Keys that are known from
// documentation, and fillers such as xxxx, are none.
//
// Both do not mix: a known value is never part of a format. What stands left and
// right of one is judged as if the stream ended and began there.
//
// An [Engine] is compiled once from all of it and never changes. A [Scanner]
// is one stream's state:
//
//	for each chunk p:
//	    judge(sc.Write(p))
//	    forward what lies before sc.Safe()
//	at the end of a message on a stream that goes on:
//	    judge(sc.Flush()), forward everything
//	at the end:
//	    judge(sc.Close()), forward the rest
//
// How a stream is cut into chunks changes nothing about what is found.
//
// A [Redactor] does so itself and puts a marker in place of each finding.
//
// # How it works
//
// A token stands in a run of letters and digits. Sixty-four bytes at a time are
// turned into bit planes, which tell where the runs are, and where the signs of
// encodings may be. Known values have grams
// of eight bytes, and every ninth position of the stream is looked up in a bitmap
// of them. What is left are a few candidates per kilobyte, and for each a small
// function looks at a bounded window behind it. It says that there is no match,
// that there is one, or that the window ends too early: then the bytes from the
// candidate on are held.
//
// # What it does not do
//
// A value that is shorter than [MinKnown] is refused. Hex, base32, compression
// and any encoding inside base64 other than that of known values are not looked
// into. Base64 that is wrapped into lines hides a known value longer than what
// stands on one line. A token that is glued to a letter, digit or underscore,
// or cut into pieces with something between, be it a placeholder, is not matched
// by its format. Of a key in PEM, only 96 bytes behind its header are looked at:
// with a placeholder of that length there, the key is not seen.
package dlp

import (
	"crypto/rand"
	"slices"
	"sync"
)

// Kind says what was found.
type Kind int

const (
	// KindFormat is text in the format of a credential.
	KindFormat Kind = iota
	// KindKnown is the value of a known secret.
	KindKnown
	// KindPlaceholder is the placeholder of a secret. It is no leak.
	KindPlaceholder
	// KindUnscanned is a part that could not be read; Name says why.
	KindUnscanned
)

// KnownKind says what a known value is.
type KnownKind int

const (
	// KnownSecret is a value that must not get out.
	KnownSecret KnownKind = iota
	// KnownPlaceholder is a value that stands for a secret.
	KnownPlaceholder
)

// RuleKnown and RulePlaceholder are the rules of known values, RuleUnscanned that
// of what could not be read.
const (
	RuleKnown       = "known-secret"
	RulePlaceholder = "placeholder"
	RuleUnscanned   = "unscanned"
)

// The names of findings of RuleUnscanned.
const (
	// UnscannedDepth is more encodings around each other than are taken off.
	UnscannedDepth = "depth"
	// UnscannedBudget is more decoded text than is read of a stream.
	UnscannedBudget = "budget"
	// UnscannedEncrypted is an archive with a password.
	UnscannedEncrypted = "encrypted"
	// UnscannedFormat is an archive in a format that is not read.
	UnscannedFormat = "format"
)

// Known is a text to find as it is and in its encodings. One of less than 16
// bytes is found as it is only between boundaries, not inside a longer word. One
// of more than 384 bytes is found in parts of 192 bytes or more, each a finding.
type Known struct {
	Name  string
	Value string
	Kind  KnownKind
}

// Options are what an Engine looks for beside the formats.
type Options struct {
	Known []Known
}

// Finding is one match. It never holds the text itself.
type Finding struct {
	Kind Kind
	// Rule is the ID of the rule; RuleKnown or RulePlaceholder for a known
	// value, whose name is in Name.
	Rule string
	Name string
	// Path says how the text was encoded: "" for plain text, "base64",
	// "percent" or "json".
	Path string
	// Hash tells equal texts from different ones among the findings of one
	// Engine: an HMAC under a key that no one else has.
	Hash string
	// Offset is where the match starts in the stream, Length its bytes. Of a
	// match in base64 they leave out the characters at its ends that hold bits
	// of something else; of a database URL they are the password; of what is
	// longer than the scanner holds (a private key, a JWT over 4 KiB) they are
	// its beginning.
	Offset int64
	Length int
	// Start and End are the stretch of the stream that must be replaced so that
	// nothing of the match is left: the match itself, or the run of the encoding
	// that it lies in, as far as that is known when the finding is reported.
	Start, End int64
	// Confidence says how sure it is that this is a credential; "" if no one
	// looked.
	Confidence Confidence
	// Field is where in a structured message the match stands, where known.
	Field string
}

// Confidence grades a finding.
type Confidence string

// The grades of confidence.
const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low"
)

// Engine is everything to look for, compiled. It is immutable and may be used
// concurrently.
type Engine struct {
	literals []literal
	needles  *needles
	prefixes *prefixes
	hashKey  [32]byte
	scanners sync.Pool
	layers   sync.Pool
}

// New compiles an Engine. It fails if a known value is shorter than MinKnown or
// longer than MaxKnown bytes, or if a text is given both as a secret and as a
// placeholder. The error names the value by its Name only.
func New(opts Options) (*Engine, error) {
	e := &Engine{literals: formatLiterals()}
	known, err := knownLiterals(opts.Known)
	if err != nil {
		return nil, err
	}
	e.literals = append(e.literals, known...)
	e.needles = newNeedles(e.literals)
	e.prefixes = newPrefixes(e.literals)
	_, _ = rand.Read(e.hashKey[:]) // never fails (crypto/rand)
	e.scanners.New = func() any { return e.NewScanner() }
	return e, nil
}

// NewScanner returns a scanner at the start of a stream. It holds some 40 KiB, so
// that it needs no more on clean text, encoded or not.
func (e *Engine) NewScanner() *Scanner {
	return &Scanner{
		engine:  e,
		regions: new([10]region),
		buf:     make([]byte, 0, carryBytes+pieceBytes),
		pending: make([]candidate, 0, 16),
		spare:   make([]candidate, 0, 16),
		queue:   make([]queued, 0, 16),
		looks:   make([]look, 0, 64),
		scratch: make([]byte, 0, maxSpan),
		text:    make([]byte, 0, 2*regionStep),
		marks:   make([]mark, 0, regionStep),
	}
}

// Scan returns what is found in b, which is a whole stream, in order of offset.
func (e *Engine) Scan(b []byte) []Finding {
	sc := e.scanners.Get().(*Scanner)
	defer e.scanners.Put(sc)
	sc.Reset()
	found := slices.Clone(sc.Write(b))
	found = append(found, sc.Close()...)
	sortByOffset(found)
	return found
}
