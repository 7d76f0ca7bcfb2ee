package journal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/proxy"
)

// Columns that the longest fields of a shown line take. The JSON has all of them.
const (
	hostColumns   = 120
	pathColumns   = 160
	nameColumns   = 60
	reasonColumns = 300
	shownNames    = 8 // entries of a list
)

// timeLayout has milliseconds: what happened in which order is in the file.
const timeLayout = "2006-01-02 15:04:05.000"

// Line shows an event in one line for a terminal, without a line feed:
//
//	TIME VERDICT METHOD HOST PATH [NAME=VALUE …] [reason="…"] [error="…"]
//
// VERDICT is end or note where the event is no decision, but deny for the end of
// what was stopped after its decision. One of the first fields that has no value
// is "-". HOST may have its second form behind it, in
// parentheses (see [escape.Host]). Scheme and port are shown where they are not
// https and the scheme's. All text goes through package escape, so whoever chose it, the
// line stays one line and each field stays in its place. The time is shown in
// the zone that it has.
func Line(e *proxy.Event) string { return e.Time.Format(timeLayout) + " " + Text(e) }

// Text is Line without the time.
func Text(e *proxy.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-5s %-7s %s", word(verdict(e), nameColumns), word(e.Method, nameColumns), target(e))
	b.WriteString(" " + word(e.Path, pathColumns))
	for _, f := range details(e) {
		if f.Value != "" {
			b.WriteString(" " + f.Name + "=" + f.Value)
		}
	}
	return b.String()
}

// Field is a part of an event with its name, escaped.
type Field struct{ Name, Value string }

// Fields returns what an event has, in the order of its line and in full: for a view
// that has more room than a line. Only a list of names or findings is cut as there.
func Fields(e *proxy.Event) []Field {
	list := []Field{
		{"time", e.Time.Format(timeLayout)},
		{"event", verdict(e)},
		{"method", escape.Text(e.Method)},
		{"host", escape.Host(e.Host)},
		{"path", escape.Text(e.Path)},
	}
	for _, f := range details(e) {
		switch f.Name {
		case "rule":
			f.Value = escape.Text(e.Rule)
		case "reason":
			f.Value = escape.Text(e.Reason)
		case "error":
			f.Value = escape.Text(e.Error)
		}
		list = append(list, f)
	}
	return slices.DeleteFunc(list, func(f Field) bool { return f.Value == "" })
}

// Verdict is what the line of an event says first: allow, deny, end or note.
func Verdict(e *proxy.Event) string { return escape.WordMax(verdict(e), nameColumns) }

// details returns the fields that only some events have, already escaped.
func details(e *proxy.Event) []Field {
	return []Field{
		{"port", port(e)},
		{"scheme", scheme(e)},
		{"status", number(int64(e.Status))},
		{"rule", spaced(e.Rule)},
		{"proto", optional(e.Proto)},
		{"ref", optional(e.Ref)},
		{"old", short(e.Old)},
		{"new", short(e.New)},
		{"objects", number(int64(e.Objects))},
		{"found", findings(e.Findings)},
		{"secrets", names(e.Secrets)},
		{"inert", names(e.Inert)},
		{"redacted", number(int64(e.Redacted))},
		{"restored", number(int64(e.Restored))},
		{"out", size(e.BytesOut)},
		{"in", size(e.BytesIn)},
		{"took", duration(e.Duration)},
		{"model", usage(e.Usage)},
		{"session", optional(e.Session)},
		{"id", optional(e.ID)},
		{"reason", quoted(e.Reason)},
		{"error", quoted(e.Error)},
	}
}

// usage says what a model took: tokens in, from its cache, into it and out.
func usage(u *proxy.EventUsage) string {
	if u == nil {
		return ""
	}
	s := fmt.Sprintf("%s(in:%d,cached:%d,caching:%d,out:%d", item(u.Model), u.Input, u.CacheRead, u.CacheWrite, u.Output)
	if u.Cost > 0 {
		s += ",cost:" + strconv.FormatFloat(u.Cost, 'f', -1, 64)
	}
	return s + ")"
}

func verdict(e *proxy.Event) string {
	if e.Type == proxy.EventDecision || e.Verdict == proxy.Deny {
		return string(e.Verdict)
	}
	return string(e.Type)
}

func target(e *proxy.Event) string {
	if e.Host == "" {
		return "-"
	}
	return escape.HostMax(e.Host, hostColumns)
}

// port is shown where it is not that of the scheme.
func port(e *proxy.Event) string {
	if e.Port == 443 && e.Scheme != "http" || e.Port == 80 && e.Scheme == "http" {
		return ""
	}
	return number(int64(e.Port))
}

func scheme(e *proxy.Event) string {
	if e.Scheme == "https" {
		return ""
	}
	return optional(e.Scheme)
}

func word(s string, columns int) string {
	if s == "" {
		return "-"
	}
	return escape.WordMax(s, columns)
}

func optional(s string) string {
	if s == "" {
		return ""
	}
	return escape.WordMax(s, nameColumns)
}

// short is the beginning of an object ID, as git shows it.
func short(id string) string { return optional(id[:min(len(id), 12)]) }

// spaced is a name that may have spaces, and stands in quotes then.
func spaced(s string) string {
	if !strings.ContainsAny(s, ` "`) {
		return optional(s)
	}
	return quotedMax(s, nameColumns)
}

func quoted(s string) string { return quotedMax(s, reasonColumns) }

// quotedMax escapes the quotes of the text too, in the notation of the rest.
func quotedMax(s string, columns int) string {
	if s == "" {
		return ""
	}
	return `"` + strings.ReplaceAll(escape.TextMax(s, columns), `"`, `\x22`) + `"`
}

// item is a text within a list, without the characters that divide one.
func item(s string) string {
	if s = word(s, nameColumns); !strings.ContainsAny(s, ",()") {
		return s // nearly always, and to make a replacer takes longer than all else of a line
	}
	return strings.NewReplacer(",", `\x2c`, "(", `\x28`, ")", `\x29`).Replace(s)
}

func names(list []string) string {
	return joined(len(list), func(i int) string { return item(list[i]) })
}

func findings(list []proxy.EventFinding) string {
	return joined(len(list), func(i int) string {
		f := &list[i]
		s := item(f.Rule) + "(" + item(f.Where) + "@" + strconv.FormatInt(f.Offset, 10)
		if f.Length > 0 {
			s += "+" + strconv.Itoa(f.Length)
		}
		if f.Action != "" {
			s += ":" + item(f.Action)
		}
		return s + ")"
	})
}

func joined(n int, text func(int) string) string {
	var parts []string
	for i := range min(n, shownNames) {
		parts = append(parts, text(i))
	}
	if n > shownNames {
		parts = append(parts, fmt.Sprintf("and-%d-more", n-shownNames))
	}
	return strings.Join(parts, ",")
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// size shows bytes in three digits and a unit of 1000.
func size(n int64) string {
	if n < 1000 {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10) + "B"
	}
	v := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		if v /= 1000; v < 999.5 {
			return strconv.FormatFloat(v, 'g', 3, 64) + unit
		}
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + "TB"
}

func duration(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}
