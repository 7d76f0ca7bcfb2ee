// Package replace rewrites a stream of bytes: each of a set of texts becomes
// another one, wherever it stands and however the stream is cut into pieces.
//
// The proxy uses it in both directions: placeholders become credentials in
// what an agent sends, and credentials become placeholders in what comes back.
//
// A [Table] is built once from pairs and shared. A [Stream] is one pass of one
// stream through it. A stream holds bytes back only while they are the
// beginning of a text that the table knows, so at most the length of the
// longest such text less one; on data that has nothing of the kind it delays
// nothing and reads most bytes not even once.
//
// Where texts overlap the leftmost wins, and of those that begin at the same
// byte the longest. What was put in is not looked at again.
package replace

import (
	"errors"
	"fmt"
)

const (
	// maxPatternBytes bounds the From texts of one table together, and with
	// them its memory, which is about 32 times that.
	maxPatternBytes = 4 << 20
	// maxFlushed is how many bytes of the beginning of a From text Flush
	// releases at most, and no more than a third of the text.
	maxFlushed = 8
)

// Pair is one replacement. ID is the caller's: hits are counted by it, and
// several pairs may share one.
type Pair struct {
	From, To string
	ID       int
}

// Table is a set of replacements. It is immutable and safe for concurrent use.
type Table struct {
	pairs []pair
	ids   []int // of the hits, by slot
	same  bool
	nodes []node
	first [256]int32 // the nodes of depth 1 by their byte; 0 is none
	skip  skipper
}

type pair struct {
	from, to string
	slot     int
}

// node is a state of an Aho-Corasick automaton (Aho and Corasick, "Efficient
// string matching", 1975). Its path is the text that leads to it from the
// root: the longest end of the input that is the beginning of some From.
type node struct {
	fail    int32 // the node of the longest proper end of the path
	child   int32 // first of a list linked by sibling; 0 is none
	sibling int32
	match   int32 // the longest pair whose From ends the path; -1 is none
	owner   int32 // a pair whose From begins with the path
	depth   int32 // length of the path
	label   byte  // last byte of the path
	flush   bool  // the path may be released although a From may follow
}

const root = 0

// New builds a table. It fails on an empty From, and when the From texts are
// longer than 4 MiB together. Of several pairs with the same From the first
// counts. A table without pairs changes nothing.
func New(pairs []Pair) (*Table, error) {
	t := &Table{same: true, nodes: []node{{match: -1}}}
	slots := map[int]int{}
	total := 0
	for _, p := range pairs {
		if p.From == "" {
			return nil, errors.New("replace: an empty text cannot be replaced")
		}
		if total += len(p.From); total > maxPatternBytes {
			return nil, fmt.Errorf("replace: the texts to replace are longer than %d MiB together", maxPatternBytes>>20)
		}
		slot, known := slots[p.ID]
		if !known {
			slot = len(t.ids)
			slots[p.ID] = slot
			t.ids = append(t.ids, p.ID)
		}
		t.insert(pair{from: p.From, to: p.To, slot: slot})
	}
	t.link()
	t.skip = newSkipper(t.pairs)
	return t, nil
}

// SameLength reports whether no replacement changes the length of a stream.
func (t *Table) SameLength() bool { return t.same }

// insert adds the path of a pair.
func (t *Table) insert(p pair) {
	at, index := int32(root), int32(len(t.pairs))
	for i := range len(p.from) {
		next := t.next(at, p.from[i])
		if next == root {
			next = int32(len(t.nodes))
			n := node{match: -1, owner: index, depth: int32(i + 1), label: p.from[i], sibling: t.nodes[at].child, flush: true}
			t.nodes = append(t.nodes, n)
			t.nodes[at].child = next
			if at == root {
				t.first[p.from[i]] = next
			}
		}
		at = next
		t.nodes[at].flush = t.nodes[at].flush && i < p.flushable()
	}
	if t.nodes[at].match >= 0 {
		return // the first pair counts
	}
	t.nodes[at].match = index
	t.pairs = append(t.pairs, p)
	t.same = t.same && len(p.from) == len(p.to)
}

// flushable is how much of the beginning of From may be released before it is
// known whether the rest follows: what To begins with as well, or a little.
func (p pair) flushable() int {
	common, most := 0, min(len(p.from)-1, len(p.to))
	for common < most && p.from[common] == p.to[common] {
		common++
	}
	return max(common, min(maxFlushed, len(p.from)/3))
}

// next follows an edge of the trie; root means that there is none.
func (t *Table) next(at int32, c byte) int32 {
	if at == root {
		return t.first[c]
	}
	n := t.nodes[at].child
	for n != root && t.nodes[n].label != c {
		n = t.nodes[n].sibling
	}
	return n
}

// link computes, level by level, what the shorter ends of each path say.
func (t *Table) link() {
	queue := make([]int32, 0, len(t.nodes))
	queue = append(queue, root)
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for c := t.nodes[at].child; c != root; c = t.nodes[c].sibling {
			queue = append(queue, c)
			if at == root {
				continue
			}
			n := &t.nodes[c]
			f := t.nodes[at].fail
			for f != root && t.next(f, n.label) == root {
				f = t.nodes[f].fail
			}
			n.fail = t.next(f, n.label)
			if n.match < 0 {
				n.match = t.nodes[n.fail].match
			}
			n.flush = n.flush && (n.fail == root || t.nodes[n.fail].flush)
		}
	}
}

// path is the text that leads to a node.
func (t *Table) path(at int32) string {
	n := &t.nodes[at]
	if n.depth == 0 {
		return ""
	}
	return t.pairs[n.owner].from[:n.depth]
}
