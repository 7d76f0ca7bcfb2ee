package dlp_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/dlp"
)

var update = flag.Bool("update", false, "write docs/dlp-rules.md")

const rulesFile = "../docs/dlp-rules.md"

const rulesIntro = `# Rules of the scanner

<!-- Made by go generate ./dlp from the table of the package. -->

What a rule names is found by its format: a prefix in exact case, a length, and a
boundary on both sides. Keys that are known from documentation, and fillers such
as xxxx, are none. The ID is what ` + "`dlp`" + ` names in a manifest.

The action is the strictest that a rule comes to unless the manifest names it:
block where the format is hardly ever anything else, warn for what may be public,
opens only a test set-up, or has a format that other text may have.

The confidence says how likely it is that a match is a credential, for who reads
the findings: no action depends on it. High is an exact format, a structure or a
checksum that chance does not have; medium a short prefix or a name beside it, and
what is only warned of; low is hardly more than random. It is the least of a
rule: tokens of GitHub and npm whose checksum fits are high.

| ID | Finds | Action | Confidence |
|---|---|---|---|
`

func rulesDocument() []byte {
	var b bytes.Buffer
	b.WriteString(rulesIntro)
	for _, r := range dlp.Rules() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.ID, strings.ReplaceAll(r.Description, "|", `\|`), r.Action, cmp.Or(string(r.Confidence()), "none"))
	}
	return b.Bytes()
}

func TestRulesDocumentIsInStep(t *testing.T) {
	want := rulesDocument()
	if *update {
		if err := os.WriteFile(rulesFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(rulesFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/dlp-rules.md is not what the rules say (%v): run go generate ./dlp", err)
	}
}
