package dlp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

const (
	// minPiece is the shortest part of a known value that counts as a piece of it.
	minPiece = gramBytes
	// wordyPiece is the shortest that counts where it reads like words.
	wordyPiece = leftBytes
	// pieceStride is the distance of the grams that are looked up where a session
	// may count pieces: any piece of pieceStride+gramBytes-1 bytes has one.
	pieceStride = 5
	// maxTracked bounds how much of a value is told in pieces, maxAllTracked how
	// much of all values of an Engine, and maxTwins in how many values the same eight
	// bytes are looked for, maxRepeats in how many places of each.
	maxTracked    = 4 << 10
	maxAllTracked = 256 << 10
	maxTwins      = 8
	maxRepeats    = 2

	// A value is taken to have left when so many bytes of it did, or so many of a
	// hundred.
	leftBytes   = 20
	leftPercent = 60

	// rsaPublic is how many of a hundred bytes of an RSA key in PEM are its
	// modulus, which is no secret, and longPEM what only such a key is longer than.
	rsaPublic = 26
	longPEM   = 1000
)

// tracked is a known value of which sessions count the pieces.
type tracked struct {
	value      string // at most maxTracked bytes of it
	rule, name string
	// whole says that value is all of it and found as such too.
	whole bool
	// counts are the bytes that are secret.
	counts bitset
	need   int // how many of them must have left
}

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset    { return make(bitset, (n+63)/64) }
func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }
func (b bitset) add(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) remove(i, end int) { // up to end
	for ; i < end; i++ {
		b[i/64] &^= 1 << (i % 64)
	}
}

func (b bitset) count(i, end int) (n int) {
	for ; i < end; i++ {
		if b.has(i) {
			n++
		}
	}
	return n
}

// trackedValues returns the values whose pieces count. What a secret shares with
// a placeholder does not.
func trackedValues(known []Known, forms []literal) []tracked {
	shared := map[uint64]bool{}
	for _, k := range known {
		for i := 0; k.Kind == KnownPlaceholder && i+gramBytes <= len(k.Value); i++ {
			shared[binary.LittleEndian.Uint64([]byte(k.Value[i:i+gramBytes]))] = true
		}
	}
	var out []tracked
	seen := map[string]bool{}
	room := maxAllTracked
	for _, k := range known {
		v := k.Value[:min(len(k.Value), maxTracked)]
		if _, weak := Weak(k.Value); weak || k.Kind == KnownPlaceholder || seen[k.Value] || len(v) > room {
			continue
		}
		seen[k.Value] = true
		t := tracked{value: v, rule: k.rule(), name: k.Name, whole: len(k.Value) <= maxPiece, counts: secretBytes(v, forms)}
		for i := 0; i+gramBytes <= len(v); i++ {
			if shared[binary.LittleEndian.Uint64([]byte(v[i:i+gramBytes]))] {
				t.counts.remove(i, i+gramBytes)
			}
		}
		n := t.counts.count(0, len(v))
		if n < minPiece {
			continue
		}
		t.need = min(leftBytes, (n*leftPercent+99)/100)
		// A prefix counts as having left from the start.
		if public := len(v) - n; public <= n/2 {
			t.need = min(t.need, max((n+1)/2, len(v)*leftPercent/100-public))
		}
		out = append(out, t)
		room -= len(v)
	}
	return out
}

// secretBytes returns which bytes of a value are secret. The prefix of its format
// is not, nor a URL around a password, the header of a JWT, or what stands around
// random text, such as the names in a file of settings.
func secretBytes(v string, forms []literal) bitset {
	counts := newBitset(len(v))
	b := []byte(v)
	if from, to, ok := passwordOf(b); ok {
		for i := from; i < to; i++ {
			counts.add(i)
		}
		return counts
	}
	random := false
	for i := 0; i < len(b); i++ {
		end := runByte.span(b, i, len(b))
		if looksRandom(b[i:min(end, i+maxValue)]) {
			random = true
			for k := i; k < end; k++ {
				counts.add(k)
			}
		}
		i = end
	}
	for i := 0; !random && i < len(b); i++ {
		counts.add(i)
	}
	if dot := strings.IndexByte(v, '.'); dot > 0 && strings.HasPrefix(v, "eyJ") && strings.Count(v, ".") >= 2 {
		counts.remove(0, dot)
	}
	prefix := 0
	for i := range forms {
		if l := &forms[i]; l.trigger == byRun && strings.HasPrefix(v, l.text) {
			prefix = max(prefix, len(l.text))
		}
	}
	counts.remove(0, prefix)
	if i := strings.Index(v, pemBegin); i >= 0 && len(v) > longPEM {
		counts.remove(i, i+(len(v)-i)*rsaPublic/100)
	}
	return counts
}

// passwordOf returns the password of a value that is a URL with one.
func passwordOf(v []byte) (from, to int, ok bool) {
	at := bytes.Index(v, []byte("://"))
	if at < 0 || schemeByte.span(v, 0, at) < at {
		return 0, 0, false
	}
	from = urlUser.span(v, at+3, len(v)) + 1
	to = bytes.LastIndexByte(v, '@')
	return from, to, byteAt(v, from-1) == ':' && to > from
}

// rule is what a known value is reported as.
func (k *Known) rule() string {
	switch k.Kind {
	case KnownPlaceholder:
		return RulePlaceholder
	case KnownCanary:
		return RuleCanary
	}
	return RuleKnown
}

// wordy reports whether a piece may stand in ordinary text.
func wordy(piece []byte) bool {
	n := shapeOf(piece)
	return distinct(piece) < 5 || n.letters == 0 && len(piece) < 10 || n.digits == 0 && 3*n.turns <= len(piece) && (wordLike(piece) || n.turns < 2 || bytes.IndexByte(piece, ' ') >= 0)
}

// writing is a way to write a tracked value that no view of the scanner reads, or
// the value as it is.
type writing struct {
	of   *tracked
	text string
	path string
	bits int  // of the value in each character
	skip int  // bits of the first characters that are of what is before it
	back bool // the last byte comes first
}

// writings returns what is looked for of the values.
func writings(values []tracked) (out []writing) {
	for i := range values {
		t := &values[i]
		out = append(out, writing{of: t, text: t.value, bits: 8})
		if len(t.value) > maxPiece {
			continue
		}
		out = append(out, writing{of: t, text: string(reverse(nil, []byte(t.value))), path: pathReversed, bits: 8, back: true})
		if !isPrintable(t.value) { // what is is read by a view
			text := hex.EncodeToString([]byte(t.value))
			out = append(out, writing{of: t, text: text, path: pathHex, bits: 4}, writing{of: t, text: strings.ToUpper(text), path: pathHex, bits: 4})
			for align := range 3 {
				text := base64Inside(t.value, align)
				skip := 8*align - 6*((8*align+5)/6)
				out = append(out, writing{of: t, text: text, path: pathBase64, bits: 6, skip: skip})
				if other := base64URL.Replace(text); other != text {
					out = append(out, writing{of: t, text: other, path: pathBase64, bits: 6, skip: skip})
				}
			}
		}
	}
	return out
}

func isPrintable(v string) bool {
	return strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// span returns the bytes of the value that text[from:to] stands for.
func (w *writing) span(from, to int) (first, end int) {
	first, end = max(0, (from*w.bits-w.skip+7)/8), (to*w.bits-w.skip)/8
	if w.back {
		first, end = len(w.of.value)-end, len(w.of.value)-first
	}
	return first, max(first, end)
}

// addPieces adds the grams of tracked values, each with the complement of the
// index of its writing in place of a literal.
func addPieces(grams map[uint64][]place, texts []writing) {
	for k := range texts {
		w := &texts[k]
		for i := 0; i+gramBytes <= len(w.text); i++ {
			g := binary.LittleEndian.Uint64([]byte(w.text[i : i+gramBytes]))
			// A piece that begins or ends where no byte counts may be met there.
			near := w.of.counts.count(w.span(max(0, i-pieceStride+1), min(len(w.text), i+gramBytes+pieceStride-1)))
			if all, own := pieceTwins(grams[g], ^int32(k)); near == 0 || all >= maxTwins || own >= maxRepeats {
				continue
			}
			grams[g] = append(grams[g], place{^int32(k), int32(i)})
		}
	}
}

// pieceTwins counts the places that are of writings, and those of one of them.
func pieceTwins(places []place, writing int32) (all, own int) {
	for _, pl := range places {
		if pl.literal < 0 {
			all++
		}
		if pl.literal == writing {
			own++
		}
	}
	return all, own
}

// pairsOf returns the pairs of bytes that the texts have.
func pairsOf(texts []writing) bitset {
	if len(texts) == 0 {
		return nil
	}
	pairs := newBitset(1 << 16)
	for k := range texts {
		v := texts[k].text
		for i := 1; i < len(v); i++ {
			pairs.add(int(v[i-1])<<8 | int(v[i]))
		}
	}
	return pairs
}
