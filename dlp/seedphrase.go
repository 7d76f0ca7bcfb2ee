package dlp

import (
	"crypto/sha256"
	"slices"
)

const (
	minPhrase = 12
	maxPhrase = 24
	// phraseReach is how far the words of a phrase are followed to either side.
	// 24 words of a JSON array, or numbered on lines, fit in it.
	phraseReach = 320
	// maxPhraseWords is how many words are followed to either side.
	maxPhraseWords = maxPhrase - 1
	// maxWindows bounds how many parts of a longer row of words are tried.
	maxWindows = 32
)

// phraseWord is a word of the list in a row of them.
type phraseWord struct {
	from, to int32 // in the window
	index    uint16
}

// phrase is a row of words of the list that stand in one field.
type phrase struct {
	words [2*maxPhraseWords + 1]phraseWord
	first int // the words are words[first:last]
	last  int
}

// seedPhrase finds a recovery phrase (BIP-39) of English words, with its
// checksum, in the words around b[at]. All of them stand in one field: what
// joins them is one kind of separator.
func seedPhrase(b []byte, at int) (from, to int, ok bool) {
	if at < 0 || at >= len(b) {
		return 0, 0, false
	}
	table := bip39()
	from, to, ok = table.wordAt(b, at)
	if !ok || !table.inRow(b, from, to) {
		return 0, 0, false
	}
	index := table.index(b[from:to])
	if index < 0 {
		return 0, 0, false
	}
	return phraseAround(b, table, phraseWord{int32(from), int32(to), uint16(index)})
}

// phraseAround finds a phrase that has the word.
func phraseAround(b []byte, table *bip39Table, w phraseWord) (from, to int, ok bool) {
	for kind := sepSpace; kind <= sepCount; kind++ {
		if !kind.beside(b, table, int(w.from), int(w.to)) {
			continue
		}
		p := phrase{first: maxPhraseWords, last: maxPhraseWords + 1}
		p.words[p.first] = w
		p.follow(b, table, kind, int(w.from))
		words := p.words[p.first:p.last]
		if len(words) < minPhrase || sorted(words) || fewWords(words) || kind == sepArray && inList(b, words) {
			continue
		}
		if i, k := validPart(words, maxPhraseWords-p.first); k > 0 {
			return int(words[i].from), int(words[k-1].to), true
		}
	}
	return 0, 0, false
}

// inList reports whether a row of strings has other words before it and behind it: lists
// of frequent words have a phrase in them by chance.
func inList(b []byte, words []phraseWord) bool {
	before := sepArray.back(b, int(words[0].from))
	behind := sepArray.forth(b, int(words[len(words)-1].to))
	return before > 0 && alnum[byteAt(b, before-1)] && behind > 0 && alnum[byteAt(b, behind)]
}

// fewWords reports whether there are no more than six words, again and again: of twelve
// at random that is true once in some 10^12.
func fewWords(words []phraseWord) bool {
	var seen [minPhrase/2 + 1]uint16
	n := 0
	for _, w := range words {
		if !slices.Contains(seen[:n], w.index) {
			if seen[n] = w.index; n+1 == len(seen) {
				return false
			}
			n++
		}
	}
	return true
}

// wordAround returns the lower-case word at b[at], or the next one behind a
// separator there. It is empty if there is none of the length of a BIP-39 word.
func wordAround(b []byte, at int) (from, to int) {
	for n := 0; n < maxSeparator && at < len(b) && (!isLower(b[at]) || byteAt(b, at-1) == '\\' && escapeLetter(b[at])); n++ {
		at++
	}
	if at == len(b) || !isLower(b[at]) {
		return 0, 0
	}
	from, to = at, at+1
	for from > 0 && isLower(b[from-1]) {
		if from--; at-from > maxBIP39Word {
			return 0, 0
		}
	}
	for to < len(b) && isLower(b[to]) {
		if to++; to-from > maxBIP39Word+1 {
			return 0, 0
		}
	}
	if from > 0 && b[from-1] == '\\' && escapeLetter(b[from]) {
		from++
	}
	if isName(b, from, to) {
		return 0, 0
	}
	return from, to
}

// follow adds the words to the left and to the right of the first one, which
// starts at b[at].
func (p *phrase) follow(b []byte, table *bip39Table, kind phraseSep, at int) {
	for p.first > 0 {
		w, ok := kind.wordBefore(b, table, int(p.words[p.first].from))
		if !ok || at-int(w.from) > phraseReach {
			break
		}
		p.first--
		p.words[p.first] = w
	}
	for p.last < len(p.words) {
		w, ok := kind.wordBehind(b, table, int(p.words[p.last-1].to))
		if !ok || int(w.to)-at > phraseReach {
			break
		}
		p.words[p.last] = w
		p.last++
	}
}

// sorted reports whether the words are in the order of the list: then they are
// a part of it.
func sorted(words []phraseWord) bool {
	return slices.IsSortedFunc(words, func(a, b phraseWord) int { return int(a.index) - int(b.index) })
}

// validPart returns a part of the row that is a phrase. The whole row comes
// first, then parts of it that have the word at mid, those at its ends before
// others. A row that has a published phrase is an example as a whole.
func validPart(words []phraseWord, mid int) (from, to int) {
	n := len(words)
	tried, found, published := 0, false, false
	try := func(i, size int) {
		if found || published || tried == maxWindows || i < 0 || i+size > n || i > mid || mid >= i+size {
			return
		}
		tried++
		switch judgePhrase(words[i : i+size]) {
		case phraseSecret:
			from, to, found = i, i+size, true
		case phrasePublished:
			published = true
		}
	}
	if n <= maxPhrase && n%3 == 0 {
		try(0, n)
	}
	for size := maxPhrase; size >= minPhrase; size -= 3 {
		try(n-size, size)
		try(0, size)
	}
	for _, size := range [...]int{minPhrase, maxPhrase} {
		for i := max(0, mid-size+1); i <= mid && i+size <= n; i++ {
			try(i, size)
		}
	}
	return from, to
}

type phraseKind int

const (
	phraseNone phraseKind = iota
	phraseSecret
	phrasePublished
)

// judgePhrase checks the checksum in the last word, and whether the phrase is
// one that documents show: a published one, or one of few words.
func judgePhrase(words []phraseWord) phraseKind {
	var data [33]byte
	var acc uint32
	bits, n := 0, 0
	for _, w := range words {
		acc = acc<<11 | uint32(w.index)
		for bits += 11; bits >= 8; n++ {
			bits -= 8
			data[n] = byte(acc >> bits)
		}
		acc &= 1<<bits - 1
	}
	// The checksum has a bit for each three words; that of 24 is a whole byte.
	size := len(words) * 4 / 3
	check := byte(acc)
	if bits == 0 {
		check = data[size]
	}
	h := sha256.Sum256(data[:size])
	switch {
	case check != h[0]>>(8-len(words)/3):
		return phraseNone
	case distinctWords(words)*3 < len(words)*2 || distinct(data[:size]) <= 3 || publishedHash(h):
		return phrasePublished
	}
	return phraseSecret
}

func distinctWords(words []phraseWord) int {
	n := 0
	for i := range words {
		if !slices.ContainsFunc(words[:i], func(w phraseWord) bool { return w.index == words[i].index }) {
			n++
		}
	}
	return n
}
