package journal

import (
	"strconv"

	"github.com/bot-bottle/bottle/proxy"
)

// appendPlain appends what encoding/json makes of an event, for one without
// findings and bodies in whose texts nothing needs an escape. That is nearly every one, and
// there are two with each request: reflection would take a tenth of its CPU.
func appendPlain(dst []byte, e *proxy.Event) (_ []byte, ok bool) {
	if len(e.Findings) > 0 || e.Usage != nil || e.RequestBody != nil || e.AnswerBody != nil {
		return dst, false
	}
	p := plain{out: append(dst, `{"time":"`...), ok: true}
	var err error
	if p.out, err = e.Time.AppendText(p.out); err != nil {
		return dst, false
	}
	p.out = append(p.out, '"')
	p.always("type", string(e.Type))
	p.text("id", e.ID)
	p.text("session", e.Session)
	p.text("proto", e.Proto)
	p.text("method", e.Method)
	p.text("scheme", e.Scheme)
	p.text("host", e.Host)
	p.number("port", int64(e.Port))
	p.text("path", e.Path)
	p.text("verdict", string(e.Verdict))
	p.text("rule", e.Rule)
	p.text("reason", e.Reason)
	p.number("more_findings", int64(e.MoreFindings))
	p.list("secrets", e.Secrets)
	p.text("ref", e.Ref)
	p.text("old", e.Old)
	p.text("new", e.New)
	p.number("objects", int64(e.Objects))
	p.number("status", int64(e.Status))
	p.number("bytes_out", e.BytesOut)
	p.number("bytes_in", e.BytesIn)
	p.number("duration_ns", int64(e.Duration))
	p.number("redacted", int64(e.Redacted))
	p.number("restored", int64(e.Restored))
	p.list("inert", e.Inert)
	p.text("error", e.Error)
	return append(p.out, '}'), p.ok
}

// plain is an object that is being written. What is empty is left out of it.
type plain struct {
	out []byte
	ok  bool // nothing needed an escape
}

func (p *plain) name(s string) {
	p.out = append(append(append(p.out, ',', '"'), s...), '"', ':')
}

func (p *plain) always(name, s string) {
	p.name(name)
	p.quoted(s)
}

func (p *plain) text(name, s string) {
	if s != "" {
		p.always(name, s)
	}
}

func (p *plain) number(name string, n int64) {
	if n != 0 {
		p.name(name)
		p.out = strconv.AppendInt(p.out, n, 10)
	}
}

func (p *plain) list(name string, all []string) {
	if len(all) == 0 {
		return
	}
	p.name(name)
	for i, s := range all {
		p.out = append(p.out, "[,"[min(i, 1)])
		p.quoted(s)
	}
	p.out = append(p.out, ']')
}

func (p *plain) quoted(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			p.ok = false
			return
		}
	}
	p.out = append(append(append(p.out, '"'), s...), '"')
}
