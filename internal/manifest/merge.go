package manifest

import "reflect"

// merge lays a map of a higher level over one of a lower level, both of the
// shape of t: maps merge by key, lists and scalars replace, and what the types
// mark "add" is appended, the higher level's entries first, for routes are tried
// in that order.
//
// Where the kinds of the two differ, the higher one stands; the decoder has
// complained about one of them.
func merge(high, low *node, t reflect.Type, tag reflect.StructTag) *node {
	switch {
	case low == nil:
		return high
	case high == nil:
		return low
	case high.kind == listNode && low.kind == listNode && tag.Get("merge") == "add":
		out := *high
		out.list = append(append([]*node(nil), high.list...), low.list...)
		return &out
	case high.kind != mapNode || low.kind != mapNode || tag.Get("merge") == "replace":
		return high
	}
	var item func(key string) (reflect.Type, reflect.StructTag, bool)
	switch t.Kind() {
	case reflect.Struct:
		fields := fieldsOf(t)
		item = func(key string) (reflect.Type, reflect.StructTag, bool) {
			f, ok := fields[key]
			return f.Type, f.Tag, ok
		}
	case reflect.Map:
		item = func(string) (reflect.Type, reflect.StructTag, bool) { return t.Elem(), "", true }
	default:
		return high
	}
	out := *high
	out.entries = append([]entry(nil), high.entries...)
	at := map[string]int{}
	for i, e := range out.entries {
		at[e.key] = i
	}
	for _, e := range low.entries {
		i, both := at[e.key]
		if !both {
			out.entries = append(out.entries, e)
			continue
		}
		if t, tag, ok := item(e.key); ok {
			out.entries[i].value = merge(out.entries[i].value, e.value, t, tag)
		}
	}
	return &out
}

var documentType, keysType = reflect.TypeFor[Document](), reflect.TypeFor[Keys]()

// overlay lays the variant of that name over the keys of the document.
func overlay(root *node, name string) *node {
	variant := root.dig("bottles", name)
	base := root.without("bottles")
	if variant == nil {
		return base
	}
	return merge(variant, base, keysType, "")
}
