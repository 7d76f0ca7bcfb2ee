package manifest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write docs/bottle.schema.json")

const (
	docs       = "../../docs"
	schemaFile = docs + "/bottle.schema.json"
)

// generateSchema makes the JSON Schema of a manifest from the types that it is
// decoded into. It lives in a test so that the generator is no part of the
// binary; `go generate` runs it.
func generateSchema() ([]byte, error) {
	r := &jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Mapper: mapType}
	s := r.Reflect(&Document{})
	s.ID = "https://github.com/bot-bottle/bottle/docs/bottle.schema.json"
	s.Title = "bottle.yaml"
	s.Description = "What runs in a bottle, what it reaches, and which credentials are used for it."
	finish(s, reflect.TypeFor[Document]())
	for _, t := range structsIn(reflect.TypeFor[Document](), nil) {
		if def := s.Definitions[t.Name()]; def != nil {
			finish(def, t)
		}
	}
	for _, names := range []struct {
		schema  *jsonschema.Schema
		key     string
		pattern *regexp.Regexp
	}{
		{s, "secrets", secretName}, {s, "bottles", secretName}, {s, "env", envName},
		{s.Definitions["Keys"], "secrets", secretName}, {s.Definitions["Keys"], "env", envName},
	} {
		p, _ := names.schema.Properties.Get(names.key)
		p.PropertyNames = &jsonschema.Schema{Pattern: names.pattern.String()}
	}
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

// mapType gives the types that take several forms.
func mapType(t reflect.Type) *jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Pattern: pattern} }
	one := uint64(1)
	switch t {
	case reflect.TypeFor[Path]():
		return &jsonschema.Schema{Type: "string", MinLength: &one}
	case reflect.TypeFor[Size]():
		return text(sizePattern)
	case reflect.TypeFor[Duration]():
		return text(durationPattern)
	case reflect.TypeFor[PortEntry]():
		number := &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: "65535"}
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{number, text(portPattern)}}
	case reflect.TypeFor[Names]():
		name := text(nameSyntax.String())
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{name, {Type: "array", Items: name}}}
	case reflect.TypeFor[Inject]():
		words := &jsonschema.Schema{Type: "string"}
		for w := range injectWords {
			words.Enum = append(words.Enum, w)
		}
		slices.SortFunc(words.Enum, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		places := inline[Inject]()
		places.MinProperties = &one
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{words, places}}
	case reflect.TypeFor[UpstreamProxy]():
		p := inline[UpstreamProxy]()
		p.DependentRequired = map[string][]string{"user": {"password"}, "password": {"user"}}
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text("^https?://"), p}}
	}
	return nil
}

// inline reflects the mapping form of a type that has others.
func inline[T any]() *jsonschema.Schema {
	t := reflect.TypeFor[T]()
	r := &jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, DoNotReference: true, Anonymous: true,
		Mapper: func(of reflect.Type) *jsonschema.Schema {
			if of == t {
				return nil
			}
			return mapType(of)
		}}
	s := r.ReflectFromType(t)
	s.Version = ""
	finish(s, t)
	return s
}

// finish puts the choice of a map's or list's values where it belongs.
func finish(s *jsonschema.Schema, t reflect.Type) {
	for name, f := range fieldsOf(t) {
		p, ok := s.Properties.Get(name)
		if !ok {
			panic("no property " + name)
		}
		if f.Type.Kind() == reflect.Map && len(enumOf(f.Tag)) > 0 {
			var choice []any
			for _, v := range enumOf(f.Tag) {
				choice = append(choice, v)
			}
			p.Enum = nil
			p.AdditionalProperties = &jsonschema.Schema{Type: "string", Enum: choice}
		}
	}
}

// structsIn lists the struct types of a document.
func structsIn(t reflect.Type, seen []reflect.Type) []reflect.Type {
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return structsIn(t.Elem(), seen)
	case reflect.Struct:
		if slices.Contains(seen, t) {
			return seen
		}
		seen = append(seen, t)
		for i := range t.NumField() {
			seen = structsIn(t.Field(i).Type, seen)
		}
	}
	return seen
}

func TestSchemaIsInStep(t *testing.T) {
	want, err := generateSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/bottle.schema.json is not what the types say (%v): run go generate ./internal/manifest", err)
	}
}

func compiledSchema(t *testing.T) *validator.Schema {
	t.Helper()
	raw, err := generateSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("bottle.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("bottle.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepts asks the schema about a manifest.
func accepts(t *testing.T, s *validator.Schema, text string) error {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// TestSchemaAgrees asks the schema and the loader about the same manifests.
func TestSchemaAgrees(t *testing.T) {
	s := compiledSchema(t)
	example, err := os.ReadFile(filepath.Join(docs, "example.bottle.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const v = "version: 1\n"
	tests := []struct {
		name, text string
		good       bool
	}{
		{"the example", string(example), true},
		{"the least", v, true},
		{"keys that are off", v + "supervise: false\nrecord: {bodies: false}\nsecrets: {s: {from: {env: A}, inject: {bearer: true}}}\n", true},
		{"a proxy as a URL", v + "egress: {upstream_proxy: \"http://p:1\"}\n", true},
		{"places of a secret", v + "secrets: {s: {from: {env: A}, inject: {header: [a, b], query: c, body: true}}, t: {from: {env: A}, inject: bearer}}\n", true},
		{"a signature", v + "secrets: {s: {from: {env: A}, inject: {sigv4: {key_id: i, regions: [r], services: [s3]}}}, i: {from: {env: I}}}\n", true},
		{"a signature without regions", v + "secrets: {s: {from: {env: A}, inject: {sigv4: {key_id: i, services: [s3]}}}, i: {from: {env: I}}}\n", false},
		{"no version", "agent: claude\n", false},
		{"another version", "version: 2\n", false},
		{"an unknown key", v + "agnet: claude\n", false},
		{"an unknown agent", v + "agent: gemini\n", false},
		{"a virtual machine", v + "backend: smolvm\nimage: ./root\n", true},
		{"bodies", v + "record: {bodies: true}\n", true},
		{"nothing that is recorded", v + "record: {}\n", true},
		{"a word for a switch", v + "record: {bodies: all}\n", false},
		{"ports", v + "ports: [3000, \"8080:80\", \"0:80\"]\n", true},
		{"a port that is none", v + "ports: [\"x\"]\n", false},
		{"a port with an address", v + "ports: [\"127.0.0.1:80:80\"]\n", false},
		{"budgets", v + "budgets: {bytes_out: 2GiB, per_host: 1GiB, requests_per_minute: 0, new_hosts: ask, model_tokens: 5, model_cost: 0.5, action: deny, prices: {\"a-*\": {input: 3, output: 15.5}}}\n", true},
		{"a budget below nothing", v + "budgets: {model_tokens: -1}\n", false},
		{"a price below nothing", v + "budgets: {prices: {a: {input: -1}}}\n", false},
		{"a text that is empty", v + "prompt: \"\"\n", false},
		{"a kind that is empty", v + "egress: {routes: [{host: a, kind: \"\"}]}\n", false},
		{"actions of dlp", v + "dlp: {action: redact, rules: {jwt: redact}}\n", true},
		{"an action that there is not", v + "dlp: {rules: {jwt: mask}}\n", false},
		{"an entry of the keyring that is none", v + "secrets: {s: {from: {keyring: x}}}\n", false},
		{"a bad size", v + "resources: {memory: 4GB}\n", false},
		{"a bad duration", v + "egress: {ask_timeout: 3 minutes}\n", false},
		{"a route without a host", v + "egress: {routes: [{ports: [1]}]}\n", false},
		{"an empty list of methods", v + "egress: {routes: [{host: a, methods: []}]}\n", false},
		{"a number for text", v + "env: {PORT: 3000}\n", false},
		{"a bad variable", v + "env: {A-B: x}\n", false},
		{"a bad name of a secret", v + "secrets: {\"a b\": {from: {env: A}}}\n", false},
		{"a secret without a source", v + "secrets: {s: {inject: bearer}}\n", false},
		{"a bad place", v + "secrets: {s: {from: {env: A}, inject: cookie}}\n", false},
		{"a proxy without its password", v + "egress: {upstream_proxy: {url: \"http://p:1\", user: me}}\n", false},
		{"a variant with a mistake", v + "bottles: {x: {agent: gemini}}\n", false},
		{"a variant of a variant", v + "bottles: {x: {bottles: {}}}\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := accepts(t, s, tt.text); (err == nil) != tt.good {
				t.Errorf("the schema says %v, want good = %v", err, tt.good)
			}
			if _, err := newPlace(t).manifest(tt.text).load(); (err == nil) != tt.good {
				t.Errorf("the loader says %v, want good = %v", err, tt.good)
			}
		})
	}
}

// TestExampleShowsEverything: each key of this version is in the example.
func TestExampleShowsEverything(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "example.bottle.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range structsIn(reflect.TypeFor[Document](), nil) {
		for name, f := range fieldsOf(st) {
			if f.Tag.Get("jsonschema_description") == "" {
				t.Errorf("%s.%s has no description", st.Name(), f.Name)
			}
			if !strings.Contains(string(text), name) {
				t.Errorf("the example does not show %s (%s.%s)", name, st.Name(), f.Name)
			}
		}
	}
}
