package manifest

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decoder fills in a Document. What is accepted is written in the types: the
// names in `yaml` tags, the choice in `jsonschema:"enum=…"` (which the schema
// shares).
type decoder struct {
	*problems
	home string
	bad  map[string]bool // paths in the document that is decoded, of keys with a mistake in or below them
}

// custom is a type that takes more forms than one.
type custom interface {
	// fromNode fills in the value; the error is its message.
	fromNode(d *decoder, n *node, key string) error
}

func (d *decoder) fail(n *node, key, format string, args ...any) {
	d.at(n, "", format, args...)
	d.spoil(key)
}

// spoil notes that what is at a key cannot be relied on.
func (d *decoder) spoil(key string) {
	for k := key; k != ""; k = parentKey(k) {
		d.bad[k] = true
	}
}

func parentKey(k string) string {
	return k[:max(strings.LastIndexAny(k, ".["), 0)]
}

// value decodes n into v. The tag is that of the field that v is, or is in.
func (d *decoder) value(n *node, v reflect.Value, tag reflect.StructTag, key string) {
	if c, ok := v.Addr().Interface().(custom); ok {
		if err := c.fromNode(d, n, key); err != nil {
			d.fail(n, key, "%s", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(n, v, key)
	case reflect.Map:
		d.table(n, v, tag, key)
	case reflect.Slice:
		if n.kind != listNode {
			d.wrongType(n, key, "a list")
			return
		}
		s := reflect.MakeSlice(v.Type(), len(n.list), len(n.list))
		for i, item := range n.list {
			d.value(item, s.Index(i), tag, fmt.Sprintf("%s[%d]", key, i))
		}
		v.Set(s)
	default:
		d.scalar(n, v, tag, key)
	}
}

func (d *decoder) wrongType(n *node, key, want string) {
	if n.kind == scalarNode && n.scalar == nullScalar {
		d.fail(n, key, "the key has no value: %s is wanted (or remove the key)", want)
		return
	}
	d.fail(n, key, "%s is wanted, not %s", want, n.what())
}

func (d *decoder) object(n *node, v reflect.Value, key string) {
	if n.kind != mapNode {
		d.wrongType(n, key, "a mapping with the keys "+strings.Join(fieldNames(v.Type()), ", "))
		return
	}
	fields := fieldsOf(v.Type())
	for _, e := range n.entries {
		path := joinKey(key, e.key)
		f, ok := fields[e.key]
		if !ok {
			d.fail(e.at, path, "unknown key: %s", didYouMean(e.key, fieldNames(v.Type())))
			continue
		}
		d.value(e.value, v.FieldByIndex(f.Index), f.Tag, path)
	}
	for _, name := range fieldNames(v.Type()) {
		if f := fields[name]; hasOption(f.Tag.Get("jsonschema"), "required") && n.get(name) == nil {
			d.at(n, name, "this key is needed: %s", or(f.Tag.Get("fix"), f.Tag.Get("jsonschema_description")))
			d.spoil(joinKey(key, name))
		}
	}
}

func (d *decoder) table(n *node, v reflect.Value, tag reflect.StructTag, key string) {
	if n.kind != mapNode {
		d.wrongType(n, key, "a mapping")
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, item, tag, joinKey(key, e.key))
		m.SetMapIndex(reflect.ValueOf(e.key), item)
	}
	v.Set(m)
}

func (d *decoder) scalar(n *node, v reflect.Value, tag reflect.StructTag, key string) {
	choice := enumOf(tag)
	loose := n.kind == scalarNode && n.scalar == looseScalar
	is := func(s ...scalar) bool { return n.kind == scalarNode && (loose || slices.Contains(s, n.scalar)) }
	switch v.Kind() {
	case reflect.String:
		if !is(textScalar) {
			want := "text"
			if len(choice) > 0 {
				want = "one of " + strings.Join(choice, ", ")
			}
			if n.kind == scalarNode && n.scalar != nullScalar {
				want += fmt.Sprintf(" (in quotes: %q)", n.text)
			}
			d.wrongType(n, key, want)
			return
		}
		v.SetString(n.text)
	case reflect.Bool:
		if !is(boolScalar) || loose && n.text != "true" && n.text != "false" {
			d.wrongType(n, key, "true or false")
			return
		}
		v.SetBool(n.text == "true")
	case reflect.Int:
		i, err := strconv.Atoi(n.text)
		if !is(intScalar) || err != nil {
			d.wrongType(n, key, "a whole number")
			return
		}
		v.SetInt(int64(i))
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.text, 64)
		if !is(intScalar, floatScalar) || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.wrongType(n, key, "a number")
			return
		}
		v.SetFloat(f)
	}
	if len(choice) > 0 && !slices.Contains(choice, n.text) {
		d.fail(n, key, "%s is not one of %s", quote(n.text), strings.Join(choice, ", "))
	}
}

// valueOf is what p points to, for the decoder.
func valueOf(p any) reflect.Value { return reflect.ValueOf(p).Elem() }

// fieldsOf returns the fields of a struct by their key, those of embedded
// structs among them.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("yaml"); name != "" && !f.Anonymous {
			out[name] = f
		}
	}
	return out
}

// fieldNames returns the keys of a struct in their order.
func fieldNames(t reflect.Type) []string {
	var out []string
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("yaml"); name != "" && !f.Anonymous {
			out = append(out, name)
		}
	}
	return out
}

func enumOf(tag reflect.StructTag) (choice []string) {
	for o := range strings.SplitSeq(tag.Get("jsonschema"), ",") {
		if v, ok := strings.CutPrefix(o, "enum="); ok {
			choice = append(choice, v)
		}
	}
	return choice
}

func hasOption(tag, option string) bool { return slices.Contains(strings.Split(tag, ","), option) }

func joinKey(parent, key string) string {
	switch "" {
	case parent:
		return key
	case key:
		return parent
	}
	return parent + "." + key
}
