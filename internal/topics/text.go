package topics

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// width is where the text of a table is broken.
const width = 88

// Text returns the topic for a terminal of any kind: no colours, no links.
func (t Topic) Text() (string, error) {
	md, err := t.Markdown()
	if err != nil {
		return "", err
	}
	return render(md), nil
}

// render takes away what Markdown needs and a reader does not. Only what the pages
// use is known: headings, fences, tables, links, bold.
func render(md string) string {
	var b strings.Builder
	var table []string
	code := false
	for line := range strings.Lines(md) {
		line = strings.TrimRight(line, "\n")
		if !code && strings.HasPrefix(line, "|") {
			table = append(table, line)
			continue
		}
		writeTable(&b, table)
		table = nil
		level, name := heading(line)
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			code = !code
		case code:
			b.WriteString("    " + line + "\n")
		case level > 0:
			b.WriteString(strings.ToUpper(plain(name)) + "\n")
		default:
			b.WriteString(plain(line) + "\n")
		}
	}
	writeTable(&b, table)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// Links are taken away where their text begins on one line and ends on the next, too.
var (
	link     = regexp.MustCompile(`\[([^\]\[]*)\]\([^)]*\)`)
	linkTail = regexp.MustCompile(`^([^\[\]]*)\]\([^)]*\)`)
	linkHead = regexp.MustCompile("\\[([^\\[\\]`]*)$")
	bold     = regexp.MustCompile(`\*\*([^*\x60]+)\*\*`)
)

func plainLinks(line string) string {
	line = link.ReplaceAllString(line, "$1")
	line = linkTail.ReplaceAllString(line, "$1")
	return linkHead.ReplaceAllString(line, "$1")
}

func plain(line string) string {
	line = plainLinks(line)
	return strings.NewReplacer(`\|`, "|", `\*`, "*").Replace(bold.ReplaceAllString(line, "$1"))
}

// Manual returns the topic for manual pages: Markdown without links, and with lists of
// definitions in the place of tables, which a page of 80 columns has no room for.
func (t Topic) Manual() (string, error) {
	md, err := t.Markdown()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	code, row := false, 0
	for line := range strings.Lines(md) {
		code = code != strings.HasPrefix(strings.TrimSpace(line), "```")
		switch {
		case code:
			b.WriteString(line)
		case !strings.HasPrefix(line, "|"):
			row = 0
			b.WriteString(plainLinks(line))
		default:
			if row++; row > 2 { // the head, and the rule below it
				cells := split(strings.TrimSpace(line))
				b.WriteString("\n" + cells[0] + "\n: " + strings.Join(slices.DeleteFunc(cells[1:], func(s string) bool { return s == "" }), "; ") + "\n")
			}
		}
	}
	return b.String(), nil
}

// writeTable writes each row as its first cell, and the others indented below it.
func writeTable(b *strings.Builder, rows []string) {
	var head []string
	for i, row := range rows {
		cells := split(row)
		switch i {
		case 0:
			head = cells
		case 1: // the rule below the head
		default:
			writeRow(b, head, cells)
		}
	}
}

func writeRow(b *strings.Builder, head, cells []string) {
	b.WriteString("  " + cells[0] + "\n")
	for i, cell := range cells[1:] {
		if cell == "" {
			continue
		}
		if len(cells) > 2 && i+1 < len(head) && head[i+1] != "" {
			cell = head[i+1] + ": " + cell
		}
		column := 0
		for word := range strings.FieldsSeq(cell) {
			n := utf8.RuneCountInString(word)
			switch {
			case column == 0:
				b.WriteString("      ")
				column = 6
			case column+1+n > width:
				b.WriteString("\n      ")
				column = 6
			default:
				b.WriteString(" ")
				column++
			}
			b.WriteString(word)
			column += n
		}
		b.WriteString("\n")
	}
}

// split returns the cells of a row; \| in one is no border.
func split(row string) []string {
	const bar = "\x00"
	cells := strings.Split(strings.ReplaceAll(strings.Trim(row, "|"), `\|`, bar), "|")
	for i := range cells {
		cells[i] = plain(strings.TrimSpace(strings.ReplaceAll(cells[i], bar, `\|`)))
	}
	return cells
}
