package manifest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/bot-bottle/bottle/internal/escape"
)

// What a file may have. The limits hold before aliases are expanded and after.
const (
	maxFileSize = 256 << 10 // bytes
	maxNodes    = 20000     // values
	maxDepth    = 32        // values in values
	maxColumn   = 256       // where a key or list entry may begin
)

// parse reads one YAML document whose root is a mapping.
func parse(src *source, text []byte) (*node, error) {
	p := &yamlReader{src: src, anchors: map[string]ast.Node{}}
	root := p.read(text)
	return root, p.err()
}

// yamlReader turns the syntax tree of the YAML library into nodes.
type yamlReader struct {
	problems
	src     *source
	anchors map[string]ast.Node
	nodes   int
}

func (p *yamlReader) fail(line, col int, format string, args ...any) {
	p.add(Error{File: p.src.shown, Line: max(line, 1), Column: max(col, 1), Message: fmt.Sprintf(format, args...)})
}

func (p *yamlReader) read(text []byte) *node {
	s := strings.TrimPrefix(string(text), "\ufeff")
	if !p.checkText(s) {
		return nil
	}
	file, err := p.syntax(s)
	if err != nil {
		p.syntaxError(s, err)
		return nil
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if doc.Body.Type() == ast.DirectiveType {
			line, col := placed(doc.Body)
			p.fail(line, col, "a YAML directive has no place in a manifest: remove the line")
			return nil
		}
		if body != nil {
			line, col := placed(doc.Body)
			p.fail(line, col, "a second YAML document begins here: a manifest is one")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		p.fail(1, 1, "the manifest is empty: it needs at least \"version: 1\"")
		return nil
	}
	root := p.node(body, 0, "")
	if root != nil && root.kind != mapNode {
		p.fail(root.line, root.col, "a manifest is a mapping of keys to values, such as \"version: 1\", not %s", root.what())
		return nil
	}
	return root
}

// checkText refuses what no manifest needs and YAML libraries differ about.
func (p *yamlReader) checkText(s string) bool {
	line, col := 1, 1
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			p.fail(line, col, "the file is not UTF-8 text")
			return false
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' || 0x7f <= r && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == '\ufeff':
			p.fail(line, col, "the character U+%04X cannot stand here", r)
			return false
		}
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
	}
	return true
}

// node converts a value. It returns nil, and has reported why, where there is
// none to have.
func (p *yamlReader) node(n ast.Node, depth int, path string) *node {
	if n == nil {
		p.fail(1, 1, "a value is missing")
		return nil
	}
	line, col := placed(n)
	p.nodes++
	switch {
	case p.nodes == maxNodes+1: // said once
		p.fail(line, col, "the manifest has more than %d values (aliases count as what they stand for)", maxNodes)
		return nil
	case p.nodes > maxNodes:
		return nil
	case depth > maxDepth:
		p.fail(line, col, "this is nested too deeply (at most %d levels)", maxDepth)
		return nil
	}
	out := &node{src: p.src, line: line, col: col, path: path}
	switch v := n.(type) {
	case *ast.MappingNode:
		return p.mapping(out, v.Values, depth)
	case *ast.MappingValueNode:
		return p.mapping(out, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		out.kind = listNode
		for i, item := range v.Values {
			if c := p.node(item, depth+1, fmt.Sprintf("%s[%d]", path, i)); c != nil {
				out.list = append(out.list, c)
			}
		}
		return out
	case *ast.AnchorNode:
		if v.Name == nil {
			break
		}
		c := p.node(v.Value, depth, path)
		// Only now, so that nothing can contain itself.
		p.anchors[v.Name.GetToken().Value] = v.Value
		return c
	case *ast.AliasNode:
		if v.Value == nil {
			break
		}
		name := v.Value.GetToken().Value
		target, ok := p.anchors[name]
		if !ok {
			return p.noAnchor(out, name)
		}
		return p.node(target, depth, path)
	}
	if p.scalar(out, n) {
		return out
	}
	p.fail(line, col, "%s has no place in a manifest", yamlName(n))
	return nil
}

// noAnchor is about an alias of nothing, which mostly is no alias but a wildcard.
func (p *yamlReader) noAnchor(out *node, name string) *node {
	if strings.HasPrefix(name, ".") {
		p.fail(out.line, out.col, "put it in quotes: \"*%s\" (to YAML, a text that begins with * is an alias)", escape.TextMax(name, 60))
		out.text = "*" + name // so that nothing is said to be missing
		return out
	}
	p.fail(out.line, out.col, "there is no anchor &%s before this alias (a text that begins with * must be in quotes)", escape.TextMax(name, 40))
	return nil
}

// scalar fills in the text of a scalar; ok is false when n is something else.
func (p *yamlReader) scalar(out *node, n ast.Node) bool {
	switch v := n.(type) {
	case *ast.StringNode:
		out.text = v.Value
	case *ast.LiteralNode:
		if v.Value != nil {
			out.text = v.Value.Value
		}
	case *ast.IntegerNode:
		out.text, out.scalar = v.Token.Value, intScalar
	case *ast.FloatNode:
		out.text, out.scalar = v.Token.Value, floatScalar
	case *ast.InfinityNode:
		out.text, out.scalar = v.Token.Value, floatScalar
	case *ast.NanNode:
		out.text, out.scalar = v.Token.Value, floatScalar
	case *ast.BoolNode:
		out.text, out.scalar = "false", boolScalar
		if v.Value {
			out.text = "true"
		}
	case *ast.NullNode:
		out.scalar = nullScalar
	default:
		return false
	}
	return true
}

func (p *yamlReader) mapping(out *node, values []*ast.MappingValueNode, depth int) *node {
	out.kind = mapNode
	first := map[string]*node{}
	for i, v := range values {
		key := p.key(v.Key)
		inner := out.path
		if key != nil {
			key.path = joinKey(out.path, key.text)
			inner = key.path
		}
		if i == 0 && key != nil {
			out.line, out.col = key.line, key.col
		}
		value := p.node(v.Value, depth+1, inner)
		if key == nil || value == nil {
			continue
		}
		if value.scalar == nullScalar && value.kind == scalarNode {
			// The library places a value that is not there anywhere.
			value.line, value.col = key.line, key.col
		}
		if was := first[key.text]; was != nil {
			p.fail(key.line, key.col, "the key %q stands here a second time; the first is in line %d", key.text, was.line)
			continue
		}
		first[key.text] = key
		out.entries = append(out.entries, entry{key: key.text, at: key, value: value})
	}
	return out
}

// key converts a key, which is plain text.
func (p *yamlReader) key(k ast.MapKeyNode) *node {
	if k == nil {
		p.fail(1, 1, "a key is missing")
		return nil
	}
	line, col := placed(k)
	out := &node{src: p.src, line: line, col: col}
	if k.IsMergeKey() {
		p.fail(line, col, "merge keys (<<) have no place in a manifest: write the keys out, or give a whole value by an alias")
		return nil
	}
	p.nodes++
	n, ok := k.(ast.Node)
	if ok = ok && p.scalar(out, n); !ok || out.scalar == nullScalar {
		p.fail(line, col, "a key must be plain text, not %s", yamlName(k))
		return nil
	}
	return out
}

func yamlName(n ast.Node) string {
	switch n.Type() {
	case ast.TagType:
		return "a YAML tag (!)"
	case ast.DirectiveType:
		return "a YAML directive"
	case ast.MappingKeyType:
		return "a YAML complex key (?)"
	}
	return "YAML of the kind " + strings.ToLower(n.Type().YAMLName())
}

// placed returns line and column of a value, each at least 1.
func placed(n ast.Node) (line, col int) {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return max(t.Position.Line, 1), max(t.Position.Column, 1)
	}
	return 1, 1
}
