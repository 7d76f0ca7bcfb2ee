package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"
	"github.com/rogpeppe/go-internal/testscript"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/cobra"

	"github.com/bot-bottle/bottle/internal/bottle"
	"github.com/bot-bottle/bottle/internal/demo"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/learn"
	"github.com/bot-bottle/bottle/internal/manifest"
	"github.com/bot-bottle/bottle/internal/preset"
	"github.com/bot-bottle/bottle/internal/scan"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/internal/verify"
	"github.com/bot-bottle/bottle/vm"
)

var update = flag.Bool("update", false, "write docs/output.schema.json")

const outputSchemaFile = "../../docs/output.schema.json"

// outputs are the types that a command prints with --json, by its path and the flag
// that makes another form of it.
var outputs = map[string]any{
	"bottle approve": supervise.AnswerReply{}, "bottle deny": supervise.AnswerReply{},
	"bottle ask ls": []supervise.Question{}, "bottle ask ls --watch": supervise.Question{},
	"bottle ca export": caOutput{}, "bottle ca install": caOutput{}, "bottle ca rotate": caOutput{}, "bottle ca uninstall": []caOutput{},
	"bottle demo": demo.Report{}, "bottle diff": diffOutput{}, "bottle doctor": []vm.Check{}, "bottle down": downOutput{},
	"bottle gate": standaloneOutput{}, "bottle proxy": standaloneOutput{}, "bottle init": initOutput{},
	"bottle learn": learn.Proposal{}, "bottle logs": journal.Entry{}, "bottle logs verify": journal.Report{},
	"bottle ls": []listed{}, "bottle policy check": manifest.Explanation{}, "bottle policy check REF": []manifest.GitExplanation{}, "bottle policy presets": []preset.Preset{},
	"bottle pull": pullOutput{}, "bottle scan": scan.Finding{}, "bottle scan --each-line": scan.Line{}, "bottle scan --list-rules": []ruleOutput{},
	"bottle trust": trustOutput{}, "bottle trust --list": []manifest.TrustEntry{}, "bottle up --dry-run": bottle.Description{},
	"bottle verify": verify.Report{}, "bottle version": buildInfo{}, "bottle why": why{},
}

// outputSchema makes the schema of what the commands print. Who reads it lets further
// fields pass, as a later version may have some; a test does not.
func outputSchema(further bool) ([]byte, error) {
	r := &jsonschema.Reflector{AllowAdditionalProperties: further, Mapper: textual, Namer: func(t reflect.Type) string {
		if t.Name() == "" { // a list
			return ""
		}
		return path.Base(t.PkgPath()) + "." + t.Name()
	}}
	const base = "github.com/bot-bottle/bottle/cmd/bottle"
	for _, dir := range []string{".", "../../internal", "../../proxy", "../../vm"} {
		if !further {
			break // a test needs no descriptions, and they take a while
		}
		if err := r.AddGoComments(base, dir); err != nil {
			return nil, err
		}
	}
	all := &jsonschema.Schema{
		ID:          "https://github.com/bot-bottle/bottle/docs/output.schema.json",
		Version:     jsonschema.Version,
		Title:       "bottle --json",
		Description: "What each command prints with --json, under its name in $defs. Where a command prints one object a line, each of them.",
		Definitions: jsonschema.Definitions{},
	}
	for name, v := range outputs {
		s := r.Reflect(v)
		for k, def := range s.Definitions {
			all.Definitions[k] = def
		}
		s.Definitions, s.Version, s.ID = nil, "", ""
		all.Definitions[name] = s
	}
	b, err := json.MarshalIndent(all, "", " ")
	return append(b, '\n'), err
}

// textual gives the types that are written as text.
func textual(t reflect.Type) *jsonschema.Schema {
	if t != reflect.TypeFor[time.Time]() && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

//go:generate go test -run ^TestOutputSchemaIsInStep$ . -args -update

func TestOutputSchemaIsInStep(t *testing.T) {
	want, err := outputSchema(true)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(outputSchemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(outputSchemaFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/output.schema.json is not what the types say (%v): run go generate ./cmd/bottle", err)
	}
}

func TestEveryCommandHasJSONOrSaysThatItHasNone(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "\n## JSON\n")
	text, _, _ = strings.Cut(text, "\n## ")
	everyCommand(newRoot(stdio{}), func(c *cobra.Command) {
		if c.HasSubCommands() && c.Name() != "logs" {
			return
		}
		name := c.CommandPath()
		only, without := withoutJSON[name]
		if only != "" {
			name += " --" + only
		}
		if _, ok := outputs[name]; ok == (without && only == "") {
			t.Errorf("%s: in the list of outputs: %v, refuses --json: %v", name, ok, without)
		}
		if word := strings.TrimPrefix(c.CommandPath(), "bottle "); without && c.Parent().Name() == "bottle" && !strings.Contains(text, "`"+word+"`") {
			t.Errorf("docs/commands.md does not say of %s what of it is JSON", word)
		}
	})
}

// cmdValid checks that what a command printed is as the schema says, and nothing else:
// valid 'bottle ls' stdout.
func cmdValid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: valid COMMAND FILE")
	}
	raw, err := outputSchema(false)
	ts.Check(err)
	doc, err := validator.UnmarshalJSON(bytes.NewReader(raw))
	ts.Check(err)
	c := validator.NewCompiler()
	ts.Check(c.AddResource("output.json", doc))
	s, err := c.Compile("output.json#/$defs/" + strings.ReplaceAll(args[0], " ", "%20"))
	ts.Check(err)
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[1])))
	for n := 0; ; n++ {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) && n > 0 {
			return
		}
		ts.Check(err)
		if err := s.Validate(v); err != nil {
			ts.Fatalf("%s: %#v", args[0], err)
		}
	}
}
