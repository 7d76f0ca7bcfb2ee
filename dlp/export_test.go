package dlp

// Remembered returns how many things a scanner keeps beside its buffer.
func (s *Scanner) Remembered() int {
	return len(s.pending) + len(s.queue) + len(s.covers) + len(s.due)
}

// ScanSlowly is Scan by trying every literal at every offset of the whole
// input, the known values first: what the grams, the chunks and the hold-back
// must come to as well.
func (e *Engine) ScanSlowly(b []byte) []Finding {
	s := &Scanner{engine: e, memory: memory{buf: b}}
	for _, formats := range [...]bool{false, true} {
		for at := range b {
			for i := range e.literals {
				l := &e.literals[i]
				if l.text[0] != b[at] || formats != (l.form != nil) || l.bounded && !s.boundary(at, l.body) {
					continue
				}
				c := &candidate{offset: int64(at), literal: int32(i)}
				if s.judge(c, true) == miss {
					s.missed(c)
				}
			}
		}
	}
	for i := range s.queue {
		s.resolve(&s.queue[i])
	}
	sortByOffset(s.out)
	return s.out
}

// IsLook reports whether a rule is judged by a look, and not by a literal.
func IsLook(rule string) bool {
	for i := range formats {
		if formats[i].ID == rule {
			return false
		}
	}
	return rule != RuleKnown && rule != RulePlaceholder && rule != RuleCanary
}

// NewRedactorOf returns a Redactor of what another scanner finds.
func NewRedactorOf(e *Engine, sc interface {
	Write(p []byte) []Finding
	Flush() []Finding
	Idle() []Finding
	Close() []Finding
	Safe() int64
	Reset()
}, opts RedactOptions) *Redactor {
	r := NewRedactor(e.NewScanner(), opts)
	r.scanner = sc
	return r
}

// Forms returns the rule and the prefix of each form.
func Forms() [][2]string {
	var out [][2]string
	for i := range formats {
		for j := range formats[i].forms {
			out = append(out, [2]string{formats[i].ID, formats[i].forms[j].prefix})
		}
	}
	return out
}

// FormBounds returns how long the body of a form is; 0 if it has a shape.
func FormBounds(rule, prefix string) (least, most int) {
	for i := range formats {
		for j := range formats[i].forms {
			if fm := &formats[i].forms[j]; formats[i].ID == rule && fm.prefix == prefix {
				return fm.min, fm.max
			}
		}
	}
	return 0, 0
}

// Drips returns how many fields a session keeps values of.
func (s *Session) Drips() int { return len(s.drips) }

// Texts returns what an Engine holds of its known values.
func (e *Engine) Texts() string {
	var b []byte
	e.eachText(func(text *string) { b = append(b, *text...) })
	return string(append(b, e.texts...))
}

// Work returns how many bytes were decoded of a stream, and how many may be: what one
// layer decodes at once may be above what is left.
func (s *Scanner) Work() (done, allowed int64) {
	return s.own.spent, s.own.allowed + workFree + MaxHeld
}
