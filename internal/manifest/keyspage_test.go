package manifest

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const keysFile = docs + "/keys.md"

// keysPage makes the page of all keys from the types that a manifest is decoded into.
func keysPage() []byte {
	var b bytes.Buffer
	b.WriteString("# Keys of bottle.yaml\n\n" +
		"Made by `make generate` from the types that read the file, as [the JSON Schema](bottle.schema.json) is.\n" +
		"[manifest.md](manifest.md) says what the keys mean together, and\n" +
		"[example.bottle.yaml](example.bottle.yaml) has them all in one file.\n")
	keysOf(&b, "", reflect.TypeFor[Document](), nil)
	return b.Bytes()
}

// keysOf writes a table of the keys of a struct, and one for each struct below them.
func keysOf(b *bytes.Buffer, path string, t reflect.Type, above []reflect.Type) {
	if slices.Contains(above, t) {
		return
	}
	above = append(above, t)
	if title := strings.TrimSuffix(path, "."); title != "" {
		fmt.Fprintf(b, "\n## %s\n", title)
	}
	b.WriteString("\n| key | value | |\n|---|---|---|\n")
	var below []struct {
		path string
		t    reflect.Type
	}
	for _, f := range keyFields(t) {
		key := f.Tag.Get("yaml")
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", key, valueText(f), cellText(f))
		if path, inner := structBelow(path+key, f.Type); inner != nil {
			below = append(below, struct {
				path string
				t    reflect.Type
			}{path, inner})
		}
	}
	for _, s := range below {
		keysOf(b, s.path+".", s.t, above)
	}
}

// keyFields are the fields that are keys, those of embedded structs in their place.
func keyFields(t reflect.Type) (list []reflect.StructField) {
	for f := range t.Fields() {
		switch {
		case f.Anonymous:
			list = append(list, keyFields(f.Type)...)
		case f.Tag.Get("yaml") != "" && f.Tag.Get("yaml") != "-":
			list = append(list, f)
		}
	}
	return list
}

// structBelow returns the struct that a value consists of, and how it is named: with []
// for a list and .NAME for a map.
func structBelow(path string, t reflect.Type) (string, reflect.Type) {
	for {
		switch t.Kind() {
		case reflect.Slice:
			path, t = path+"[]", t.Elem()
		case reflect.Map:
			path, t = path+".NAME", t.Elem()
		case reflect.Pointer:
			t = t.Elem()
		case reflect.Struct:
			if t == reflect.TypeFor[Keys]() || len(keyFields(t)) == 0 { // the keys above, once more; a text
				return "", nil
			}
			return path, t
		default:
			return "", nil
		}
	}
}

// valueText says what a value looks like.
func valueText(f reflect.StructField) string {
	var choice []string
	for _, v := range enumOf(f.Tag) {
		choice = append(choice, "`"+fmt.Sprint(v)+"`")
	}
	kind := kindText(f.Type)
	if len(choice) == 0 {
		return kind
	}
	switch f.Type.Kind() {
	case reflect.Slice, reflect.Map:
		return kind + ": " + strings.Join(choice, ", ")
	}
	return strings.Join(choice, ", ")
}

func kindText(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Path]():
		return "path"
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[Duration]():
		return "duration"
	case reflect.TypeFor[Inject](), reflect.TypeFor[UpstreamProxy]():
		return "text or keys"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true, false"
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct:
		return "keys"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	}
	return "text"
}

func cellText(f reflect.StructField) string {
	text := f.Tag.Get("jsonschema_description")
	if slices.Contains(strings.Split(f.Tag.Get("jsonschema"), ","), "required") {
		text = "Required. " + text
	}
	return strings.NewReplacer("|", `\|`, "*", `\*`).Replace(text)
}

func TestKeysPageIsInStep(t *testing.T) {
	want := keysPage()
	if *update {
		if err := os.WriteFile(keysFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(keysFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/keys.md is not what the types say (%v): run go generate ./internal/manifest", err)
	}
	for line := range bytes.Lines(got) {
		if bytes.HasSuffix(line, []byte("|  |\n")) {
			t.Errorf("a key without a word about it: %s", line)
		}
	}
}
