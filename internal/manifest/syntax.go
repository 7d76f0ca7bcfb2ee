package manifest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/bot-bottle/bottle/internal/escape"
)

// syntax calls the YAML library, whose parser recurses and may panic.
func (p *yamlReader) syntax(s string) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("this cannot be read as YAML")
		}
	}()
	tokens := lexer.Tokenize(s)
	if err := checkNesting(tokens); err != nil {
		return nil, err
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// checkNesting bounds how deep the parser recurses: by brackets, and in block
// style by the column, as each level is indented.
func checkNesting(tokens token.Tokens) error {
	depth := 0
	tooDeep := func(t *token.Token) error {
		return &yaml.SyntaxError{Message: fmt.Sprintf("this is nested too deeply (at most %d levels)", maxDepth), Token: t}
	}
	line, inLine := 0, 0
	for _, t := range tokens {
		if t.Position != nil && t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxDepth {
				return tooDeep(t)
			}
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			if inLine++; depth == 0 && inLine > maxDepth {
				return tooDeep(t)
			}
			if depth == 0 && t.Position != nil && t.Position.Column > maxColumn {
				return tooDeep(t)
			}
		case token.MappingValueType:
			if depth == 0 && t.Prev != nil && t.Prev.Position != nil && t.Prev.Position.Column > maxColumn {
				return tooDeep(t)
			}
		}
	}
	return nil
}

// bareStar is a value that begins with a star, without quotes.
var bareStar = regexp.MustCompile(`[:,\[-]\s*\*`)

func (p *yamlReader) syntaxError(s string, err error) {
	// The library's own words for this are hard to understand.
	for i, l := range strings.Split(s, "\n") {
		indent := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && strings.TrimSpace(l) != "" {
			p.fail(i+1, tab+1, "a tab stands in the indentation: YAML wants spaces")
			return
		}
	}
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil && located.GetToken().Position != nil {
		pos := located.GetToken().Position
		if lines := strings.Split(s, "\n"); pos.Line >= 1 && pos.Line <= len(lines) && bareStar.MatchString(lines[pos.Line-1]) {
			p.fail(pos.Line, pos.Column, "%s: put a text that begins with * in quotes", escape.TextMax(located.GetMessage(), 200))
			return
		}
		p.fail(pos.Line, pos.Column, "%s", escape.TextMax(located.GetMessage(), 200))
		return
	}
	p.fail(1, 1, "%s", escape.TextMax(err.Error(), 200))
}
