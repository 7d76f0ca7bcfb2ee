package ui

import (
	"fmt"

	"github.com/bot-bottle/bottle/internal/escape"
	"github.com/bot-bottle/bottle/internal/journal"
	"github.com/bot-bottle/bottle/internal/supervise"
	"github.com/bot-bottle/bottle/proxy"
)

// The limits of what a browser gets at a time.
const (
	maxSent = 100 // rows
	// floodSent are the rows of more than maxSent: nobody reads as many, and a browser
	// lays each out.
	floodSent = 20
	maxLook   = 200 // rows that are kept for a page, which shows as many
	webHosts  = 10
)

// webState is what a browser is told. All text in it can be shown as it is.
type webState struct {
	Bottle    string        `json:"bottle"`
	Reset     bool          `json:"reset"` // the rows are all that are shown
	Rows      []webRow      `json:"rows"`
	Skipped   int           `json:"skipped"` // rows that there was no time for
	Earlier   uint64        `json:"earlier"` // lines of the journal that are not counted
	Totals    []webTotal    `json:"totals"`
	Hosts     []webHost     `json:"hosts"`
	Seconds   webSeconds    `json:"seconds"`
	Models    []string      `json:"models"` // what was used of them
	Limits    []webLimit    `json:"limits"`
	Questions []webQuestion `json:"questions"`
	Bottles   []webBottle   `json:"bottles"`
	Notices   []string      `json:"notices"`

	version int64
}

type webRow struct {
	Number  int64  `json:"number"`
	Time    string `json:"time"`
	Verdict string `json:"verdict"`
	Method  string `json:"method"`
	Host    string `json:"host"`
	Path    string `json:"path"`
	Rule    string `json:"rule"`
	Status  int    `json:"status"`
	Bytes   string `json:"bytes"`
}

type webTotal struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// webLimit is how a budget stands.
type webLimit struct {
	Text string  `json:"text"`
	Part float64 `json:"part"` // that is used, at most 1
	Near bool    `json:"near"`
}

type webHost struct {
	Name    string  `json:"name"`
	Raw     string  `json:"filter"` // what the filter finds it by
	Out     string  `json:"out"`
	In      string  `json:"in"`
	OutPart float64 `json:"out_part"` // of the most that a host has
	InPart  float64 `json:"in_part"`
}

// webSeconds are the last ones, the latest last.
type webSeconds struct {
	Requests []int64 `json:"requests"`
	Denied   []int64 `json:"denied"`
	Bytes    []int64 `json:"bytes"`
	Most     string  `json:"most"` // bytes in one
}

type webQuestion struct {
	ID      string   `json:"id"`
	Subject string   `json:"subject"`
	Rule    string   `json:"rule"`
	Until   int64    `json:"until"` // in milliseconds since 1970
	Waiting int      `json:"waiting"`
	About   []string `json:"about"`
	Detail  []string `json:"detail"`
	Once    bool     `json:"once"`    // a yes for once is possible
	Lasting bool     `json:"lasting"` // so are answers that last
}

type webBottle struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Workspace string `json:"workspace"`
}

type webField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func toWebRow(r *row) webRow {
	e := &r.event
	w := webRow{Number: r.number, Time: e.Time.Format("15:04:05.000"), Verdict: journal.Verdict(e), Method: escape.TextMax(e.Method, 30),
		Host: escape.HostMax(e.Host, 80), Path: escape.TextMax(e.Path, 160), Rule: escape.TextMax(e.Rule, 60), Status: e.Status}
	if e.Rule == "" { // a note, or the end of what went on
		w.Rule = escape.TextMax(e.Reason+e.Error, 120)
	}
	if n := max(0, e.BytesOut) + max(0, e.BytesIn); n > 0 {
		w.Bytes = bytes(n)
	}
	return w
}

func toWebFields(r *row) (list []webField) {
	for _, f := range journal.Fields(&r.event) {
		list = append(list, webField(f))
	}
	return list
}

func toWebQuestions(list []supervise.Question) []webQuestion {
	all := make([]webQuestion, len(list))
	for i := range list {
		q, w := &list[i], words(&list[i])
		all[i] = webQuestion{ID: q.ID, Subject: w.subject, Rule: escape.TextMax(q.Rule, 120), Until: q.Until.UnixMilli(), Waiting: q.Waiting,
			About: w.about, Detail: w.detail, Once: q.Kind.Once(), Lasting: w.lasting}
	}
	return all
}

func toWebBottles(list []Bottle) []webBottle {
	all := make([]webBottle, len(list))
	for i, b := range list {
		all[i] = webBottle{ID: escape.Word(b.ID), Status: string(b.Status), Workspace: escape.TextMax(b.Workspace, 120)}
	}
	return all
}

// numbers fills in those of the board.
func (s *webState) numbers(b *board) {
	s.Totals = []webTotal{
		{"allowed", fmt.Sprint(b.allowed)}, {"denied", fmt.Sprint(b.denied)}, {"requests per second", fmt.Sprintf("%.1f", float64(b.requests())/rateTime)},
		{"sent", bytes(b.out)}, {"received", bytes(b.in)},
	}
	names, most := b.top(webHosts), 1.0
	for _, name := range names {
		most = max(most, float64(b.hosts[name].sum()))
	}
	s.Hosts = []webHost{}
	for _, name := range names {
		v := b.hosts[name]
		s.Hosts = append(s.Hosts, webHost{Name: escape.HostMax(name, 60), Raw: escape.HostMax(name, maxFilter), Out: bytes(v.out), In: bytes(v.in),
			OutPart: float64(v.out) / most, InPart: float64(v.in) / most})
	}
	peak := int64(0)
	for _, n := range b.last(history) {
		s.Seconds.Requests = append(s.Seconds.Requests, n.requests)
		s.Seconds.Denied = append(s.Seconds.Denied, n.denied)
		s.Seconds.Bytes = append(s.Seconds.Bytes, n.bytes)
		peak = max(peak, n.bytes)
	}
	s.Seconds.Most = bytes(peak)
}

// spent fills in what was used, and how the limits stand.
func (s *webState) spent(of *proxy.Spent) {
	s.Models, s.Limits = append([]string{}, spentModels(of)...), []webLimit{}
	for _, l := range spentLimits(of) {
		s.Limits = append(s.Limits, webLimit{Text: limitText(l), Part: min(1, l.Used/max(l.Allowed, 1e-9)), Near: l.Near()})
	}
}
