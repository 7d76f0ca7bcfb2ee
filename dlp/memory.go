package dlp

import "unsafe"

// keep moves the texts of known values into memory of the Engine's own, so that
// Close can clear them.
func (e *Engine) keep() {
	n := 0
	e.eachText(func(text *string) { n += len(*text) })
	e.texts = make([]byte, 0, n)
	moved := map[string]string{}
	e.eachText(func(text *string) {
		to, ok := moved[*text]
		if !ok && *text != "" {
			from := len(e.texts)
			e.texts = append(e.texts, *text...)            // never grows
			to = unsafe.String(&e.texts[from], len(*text)) //nolint:gosec // of a slice that lives as long and is not written until Close
			moved[*text] = to
		}
		*text = to
	})
}

// eachText visits all texts of known values.
func (e *Engine) eachText(visit func(text *string)) {
	for i := range e.literals {
		if l := &e.literals[i]; l.kind != KindFormat {
			visit(&l.text)
		}
	}
	for i := range e.tracked {
		visit(&e.tracked[i].value)
	}
	for i := range e.writings {
		visit(&e.writings[i].text)
	}
}

// Close clears what the Engine holds of the known values: their texts, which are
// needed to tell a match for sure, and the tables of their grams. No scanner of it
// may be in use or be used again; a Session must have another Engine.
//
// That is all that Go allows: the strings that New was given are the caller's,
// copies that were made on the way are garbage that may stay in memory until it is
// used again, and so may the ends of streams in the buffers of scanners.
func (e *Engine) Close() {
	clear(e.texts)
	clear(e.needles.slots)
	clear(e.needles.places)
	clear(e.needles.bitmap)
	clear(e.hashKey[:])
	clear(e.pairs)
}
