// Package dlp finds credentials in a stream of bytes while it passes, without
// letting any byte of one pass first.
//
// There are two kinds of things to find. A known value is a text that the
// caller names: the value of a secret of its own, or the placeholder that
// stands for one. A format is what a credential of some service looks like: a
// [Rule] with a prefix in exact case, a length, and a boundary on both sides, or
// with a check sum, or behind a name that says what it is. Keys that are known
// from documentation, and fillers such as xxxx, are none.
//
// Both are found as they are and encoded, in up to three encodings around each
// other: base64, hex, base32, escapes of URLs, JSON, HTML and mail, UTF-16,
// lookalikes, letters that stand apart, strings that code joins, broken lines,
// and what gzip, zlib, zstd, bzip2 and zip compress. The Path of a [Finding] names
// them. What could not be read is a finding itself, of [RuleUnscanned].
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
// turned into masks of their classes, and those, eight blocks at once where the
// processor can, into signs: where runs start and end, and where encodings may be. Known values have grams of eight bytes, and every ninth
// position of long runs, or of the stream if not all values start with such a run, is
// looked up in a bitmap of them: every fifth, if a [Session] may count pieces, and up
// to every one if there are values of less than 16 bytes. What is left are a few candidates per kilobyte, and for each a small
// function looks at a bounded window behind it. It says that there is no match,
// that there is one, or that the window ends too early: then the bytes from the
// candidate on are held.
//
// Where there is a sign of an encoding, that part of the stream is decoded and
// another scanner reads what comes out; its findings are mapped back. Base64 in a
// run is decoded where it gives ASCII, which a mask tells for all alignments at
// once.
//
// # What it does not do
//
// A value that is shorter than [MinKnown] is refused, and one that is [Weak] is
// only found where a credential stands. Pieces of a known value are told by a
// [Session]; those of less than eight bytes only in the order of the value in one
// field ([Session.Drip]): below that only a bound of the volume helps. A token that is glued to a
// letter, digit or underscore is not matched by its format. Of a key in PEM, only
// 96 bytes behind its header are looked at. Of encodings that stretch single
// letters (escapes, spaces, broken lines), the first sign may come when some of a
// match is out already: what follows is held. More than three encodings, and
// ciphers of one's own, are not taken off.
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
	// KnownCanary is a value that is used nowhere: where it turns up, someone
	// has looked for credentials.
	KnownCanary
)

// RuleKnown, RulePlaceholder and RuleCanary are the rules of known values,
// RuleUnscanned that of what could not be read.
const (
	RuleKnown       = "known-secret"
	RulePlaceholder = "placeholder"
	RuleCanary      = "canary"
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
	// Sessions has the known values told in pieces as well, by scanners that are
	// attached to a Session. Scanning is a little slower.
	Sessions bool
	// Custom are further rules.
	Custom []CustomRule
	// Disable are IDs of rules that are not looked for: what they would find is
	// then found by others that match it too. Known values cannot be disabled.
	Disable []string
	// HashKey, unless it is zero, is the key of Hash and Marker: engines with the same
	// one have the same for equal texts. A random key is made otherwise.
	HashKey [32]byte
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
	// Confidence says how sure it is that this is a credential; "" for what was
	// not read.
	Confidence Confidence
	// Field is the name of the member, header, parameter or variable that the match is
	// the value of, as far as it stands before it, in 64 bytes; "" if there is none or
	// not all words of it are known to be of such names, for it may be a secret, too, and
	// if it has a part of a known value.
	Field string

	cut  bool // of a known value that is looked for in parts
	weak bool // a weak value, which is only found as it is
	part part // of which known value it is a piece, if it is one
}

// Engine is everything to look for, compiled. It is immutable and may be used
// concurrently.
type Engine struct {
	literals []literal
	needles  *needles
	// outOfRuns says that a known value may stand where there is no run.
	outOfRuns bool
	// leastRun is the shortest run that is looked at, or whose grams are.
	leastRun uint
	// runRules are those that are not disabled.
	runRules ruleSet
	prefixes *prefixes
	headers  []int32         // the literals that headers of keys begin with
	weak     []int32         // those of weak values
	disabled map[string]bool // rules by ID
	tracked  []tracked
	writings []writing // of those
	pairs    bitset    // that tracked values have
	hashKey  [32]byte
	texts    []byte // of the known values, in the literals, tracked and writings
	scanners sync.Pool
	layers   chan *layer // those that are not in use
}

// New compiles an Engine. It fails if a known value is shorter than MinKnown or
// longer than MaxKnown bytes, if a text is given both as a secret and as a
// placeholder, or if a rule of Custom cannot be looked for. The error names the
// value by its Name only.
func New(opts Options) (*Engine, error) {
	custom, err := customFormats(opts.Custom)
	if err != nil {
		return nil, err
	}
	e := &Engine{disabled: opts.disabled()}
	for i, r := range runRules {
		if !e.disabled[r.ID] {
			e.runRules |= 1 << i
		}
	}
	e.literals = formatLiterals(slices.Concat(formats, custom), e.disabled)
	known, err := knownLiterals(opts.Known)
	if err != nil {
		return nil, err
	}
	e.literals = append(e.literals, known...)
	e.outOfRuns = slices.ContainsFunc(known, literal.outOfRuns)
	if opts.Sessions {
		e.tracked = trackedValues(opts.Known, e.literals)
		e.writings = writings(e.tracked)
		e.pairs = pairsOf(e.writings)
	}
	e.needles = newNeedles(e.literals, e.writings)
	if e.leastRun = minRun; e.needles.run > 0 {
		e.leastRun = min(e.leastRun, uint(e.needles.run))
	}
	e.prefixes = newPrefixes(e.literals)
	for i := range e.literals {
		switch l := &e.literals[i]; {
		case l.trigger == byPart:
			e.headers = append(e.headers, int32(i))
		case l.form == nil && l.weak:
			e.weak = append(e.weak, int32(i))
		}
	}
	e.layers = make(chan *layer, spareLayers)
	e.keep()
	if e.hashKey = opts.HashKey; e.hashKey == ([32]byte{}) {
		_, _ = rand.Read(e.hashKey[:]) // never fails (crypto/rand)
	}
	e.hashPlaceholders()
	e.scanners.New = func() any { return e.NewScanner() }
	return e, nil
}

// NewScanner returns a scanner at the start of a stream. It holds some 60 KiB, so
// that it needs no more on clean text, encoded or not.
func (e *Engine) NewScanner() *Scanner {
	return &Scanner{engine: e, memory: memory{
		regions: new([10]region),
		survey:  new(survey),
		buf:     make([]byte, 0, carryBytes+pieceBytes+slackBytes),
		pending: make([]candidate, 0, 16),
		spare:   make([]candidate, 0, 16),
		queue:   make([]queued, 0, 16),
		looks:   make([]look, 0, 64),
		scratch: make([]byte, 0, maxSpan),
		text:    make([]byte, 0, 2*regionStep),
		marks:   make([]mark, 0, regionStep),
	}}
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
