package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
)

// edit is a value to be put at a path of keys of a JSON document.
type edit struct {
	keys  []string
	value any
}

var errNoObject = errors.New("it is not a JSON object")

// editJSON makes edits and leaves every other byte of a document as it was: its
// owner's order of keys, its indentation, and what this program knows nothing of.
// A key that is not there is put in front of the others.
func editJSON(doc []byte, edits []edit) ([]byte, error) {
	for _, e := range edits {
		var err error
		if doc, err = editOne(doc, e.keys, e.value); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

func editOne(doc []byte, keys []string, value any) ([]byte, error) {
	if len(keys) == 0 {
		return marshalPlain(value)
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errNoObject
	}
	open, empty := int(dec.InputOffset()), !dec.More()
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, errNoObject
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errNoObject
		}
		if key != keys[0] {
			continue
		}
		end := int(dec.InputOffset())
		put, err := editOne(raw, keys[1:], value)
		if err != nil {
			return nil, err
		}
		return slices.Concat(doc[:end-len(raw)], put, doc[end:]), nil
	}
	inner := []byte("{}")
	put, err := editOne(inner, keys[1:], value)
	if err != nil {
		return nil, err
	}
	name, err := marshalPlain(keys[0])
	if err != nil {
		return nil, err
	}
	put = slices.Concat(name, []byte(":"), put)
	if !empty {
		put = append(put, ',')
	}
	return slices.Concat(doc[:open], put, doc[open:]), nil
}

// marshalPlain is json.Marshal as clients in JavaScript and Rust write it.
func marshalPlain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
