package manifest

import "strings"

// source is where nodes come from.
type source struct {
	shown string // in errors
	base  string // in the names of rules
	dir   string // what relative paths are relative to
	user  bool   // the user's own file
}

type kind int

const (
	scalarNode kind = iota
	mapNode
	listNode
)

// scalar is what YAML takes the text of a scalar for.
type scalar int

const (
	textScalar scalar = iota
	intScalar
	floatScalar
	boolScalar
	nullScalar
	looseScalar // from outside of YAML: whatever is asked for
)

// node is a value of a manifest with its place. Nodes are not changed once they
// are made: merging makes new ones that share parts.
type node struct {
	kind      kind
	src       *source
	line, col int
	path      string // of keys, in its file
	text      string // of a scalar
	scalar    scalar
	entries   []entry // of a map, in their order
	list      []*node
}

type entry struct {
	key   string
	at    *node // the key
	value *node
}

// get returns the value of a key of a map, or nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for i := range n.entries {
		if n.entries[i].key == key {
			return n.entries[i].value
		}
	}
	return nil
}

// dig follows keys (string) and indices (int), and returns nil where there is
// nothing.
func (n *node) dig(path ...any) *node {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			n = n.get(s)
		case int:
			if n == nil || s >= len(n.list) {
				return nil
			}
			n = n.list[s]
		}
	}
	return n
}

// set returns a map with the value put at a path of keys, such as egress.default.
func (n *node) set(value *node, path string) *node {
	key, rest, deeper := strings.Cut(path, ".")
	put := func(old *node) *node {
		if deeper {
			return old.set(value, rest)
		}
		return value
	}
	out := &node{kind: mapNode, src: value.src}
	if n != nil && n.kind == mapNode {
		*out = *n
		out.entries = append([]entry(nil), n.entries...)
	}
	for i := range out.entries {
		if e := &out.entries[i]; e.key == key {
			e.value = put(e.value)
			return out
		}
	}
	out.entries = append(out.entries, entry{key: key, at: value, value: put(nil)})
	return out
}

// without returns a map that lacks a key.
func (n *node) without(key string) *node {
	out := *n
	out.entries = nil
	for _, e := range n.entries {
		if e.key != key {
			out.entries = append(out.entries, e)
		}
	}
	return &out
}

// what names the kind of the value in an error.
func (n *node) what() string {
	switch n.kind {
	case mapNode:
		return "a mapping"
	case listNode:
		return "a list"
	}
	switch n.scalar {
	case intScalar, floatScalar:
		return "the number " + n.text
	case boolScalar:
		return n.text
	case nullScalar:
		return "nothing"
	}
	return "text"
}
