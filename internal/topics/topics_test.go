package topics

import (
	"regexp"
	"strings"
	"testing"
)

func TestEveryTopicIsInThePages(t *testing.T) {
	markup := regexp.MustCompile("(?m)\\]\\(|^```|^\\||^#")
	for _, topic := range All() {
		text, err := topic.Text()
		if err != nil {
			t.Errorf("%s: %v", topic.Name, err)
			continue
		}
		if strings.Count(text, "\n") < 5 {
			t.Errorf("%s: next to nothing is said: %q", topic.Name, text)
		}
		if m := markup.FindString(stripCode(text)); m != "" {
			t.Errorf("%s: %q is left of the Markdown:\n%s", topic.Name, m, text)
		}
	}
}

func TestAManualHasNoTablesAndNoLinks(t *testing.T) {
	for _, topic := range All() {
		md, err := topic.Manual()
		if err != nil {
			t.Fatal(err)
		}
		if m := regexp.MustCompile(`(?m)\]\(|^\|`).FindString(stripFences(md)); m != "" {
			t.Errorf("%s: %q is in it:\n%s", topic.Name, m, md)
		}
	}
}

func stripFences(md string) string {
	return regexp.MustCompile("(?s)```.*?```").ReplaceAllString(md, "")
}

func stripCode(text string) string {
	return regexp.MustCompile("(?m)^    .*$|`[^`]*`").ReplaceAllString(text, "")
}

func TestASectionEndsWhereTheNextBegins(t *testing.T) {
	page := "# Page\n\n## One\n\ntext\n\n```\n## no heading\n```\n\n### Below\n\nmore\n\n## Two\n\nother\n"
	if got, want := section(page, "One"), "## One\n\ntext\n\n```\n## no heading\n```\n\n### Below\n\nmore\n\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got := section(page, "Three"); got != "" {
		t.Errorf("a section that is not there: %q", got)
	}
}

func TestTextHasNoMarkup(t *testing.T) {
	for _, c := range []struct{ name, md, want string }{
		{"a link is its text", "see [the page](x.md#y), and", "see the page, and\n"},
		{"a link over two lines", "see [the\npage](x.md) there", "see the\npage there\n"},
		{"a heading is in capitals", "## Which wins\n", "WHICH WINS\n"},
		{"code is set in", "```yaml\nsecrets: [a](b)\n```\n", "    secrets: [a](b)\n"},
		{"a table is a list", "| key | what |\n|---|---|\n| `a\\|b` | one **two** |\n", "  `a|b`\n      one two\n"},
		{"a wide table names its columns", "| key | what | why |\n|---|---|---|\n| a | b | c |\n", "  a\n      what: b\n      why: c\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := render(c.md); got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
		})
	}
}
