package wirebench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report prints what was on, what was measured, and how that stands to what the
// proxy may cost.
func (b *bench) report(out io.Writer) {
	fmt.Fprintf(out, "%s %s/%s, %d CPUs, %d rounds, %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.much.rounds, time.Since(b.began).Round(time.Second))
	fmt.Fprintf(out, "bottle: all rules of dlp, %d secrets, %d routes, answers of %s redacted for all secrets, others not; journal on disk; password.\n", secretCount, routeCount, apiHost)
	fmt.Fprintf(out, "Its manifest, without routes and secrets that are like the others:\n\n%s\n", shortManifest(b.ways["bottle"].at.Config))
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, res := range b.results {
		fmt.Fprintf(tw, "%s\tCPU\tx reverse\trate/s\tx direct\tp50 µs\tp99 µs\tpeak MB\tKB each\t\n", res.Name)
		for _, r := range res.Rows {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Way, cpuText(r.CPU, res.Unit), num(r.VsReverse), num(r.Rate), num(r.RateDirect), num(r.P50), num(r.P99), num(r.Peak), num(r.Each))
		}
		fmt.Fprintln(tw, "\t\t\t\t\t\t\t\t\t")
	}
	_ = tw.Flush()
	fmt.Fprintln(out, "Targets:")
	if r, ok := b.row("new connection", "splice"); ok {
		fmt.Fprintf(out, "  Those in ms are of a machine on which splice takes %d µs for a new connection; here it took %s.\n", spliceThere, num(r.CPU))
	}
	tw = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, g := range b.targets() {
		fmt.Fprintf(tw, "  %s\t%s\tat most\t%s\t%s\t%s\n", g.Name, num(g.Got), num(g.Limit), map[bool]string{true: "ok", false: "MISSED"}[g.OK], g.Beside)
	}
	_ = tw.Flush()
}

// cpuText has the unit of CPU: seconds for a GB, else µs.
func cpuText(v float64, unit string) string {
	switch {
	case v == 0:
		return ""
	case unit == "GB":
		return num(v) + " s/GB"
	default:
		return num(v) + " µs"
	}
}

func num(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return ""
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// shortManifest leaves out what repeats.
func shortManifest(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, ".example.com") && !strings.Contains(line, "{from:") || strings.Contains(line, "h0.") || strings.Contains(line, "s00:") {
			b.WriteString("  " + line)
		}
	}
	return b.String()
}

// target is a number that the project wants to keep.
type target struct {
	Name  string  `json:"name"`
	Got   float64 `json:"got"`
	Limit float64 `json:"limit"`
	OK    bool    `json:"ok"`
	// Beside says the same without what the machine adds to it.
	Beside string `json:"beside,omitempty"`
}

// spliceThere is what splice takes for a new connection, in µs, on the machine that the
// targets in ms are of.
const spliceThere = 400

// beside is for numbers that are no ratio.
func (b *bench) beside(name string, r row) string {
	rev, ok := b.row("new connection", "reverse")
	switch {
	case name == "new hosts" && ok:
		return num(r.CPU/rev.CPU) + " x a new connection of reverse"
	case strings.HasSuffix(name, "connection"):
		return num(r.VsReverse) + " x reverse"
	case strings.HasPrefix(name, "memory") && r.File > 0:
		return num(r.File) + " of them are pages of the program's file"
	}
	return ""
}

// targets has those whose measurements were made.
func (b *bench) targets() (list []target) {
	vsReverse := func(r, _ row) float64 { return r.VsReverse }
	peak := func(r, _ row) float64 { return r.Peak }
	for _, g := range []struct {
		name, result, way, other string
		limit                    float64
		got                      func(r, other row) float64
	}{
		{"CPU of a small request, h1, 1 connection, to reverse", "small h1 1", "bottle", "", 1.1, vsReverse},
		{"CPU of a small request, h1, 16 connections, to reverse", "small h1 16", "bottle", "", 1.1, vsReverse},
		{"CPU of a small request, h2, 1 stream, to reverse", "small h2 1", "bottle", "", 1.1, vsReverse},
		{"CPU of a small request, h2, 16 streams, to reverse", "small h2 16", "bottle", "", 1.1, vsReverse},
		{"CPU of a small request, h1, 16 connections, to goproxy", "small h1 16", "bottle", "goproxy", 1. / 6, func(r, o row) float64 { return r.CPU / o.CPU }},
		{"requests/s, direct to bottle, h1, 16 connections", "small h1 16", "bottle", "", 1 / .35, func(r, _ row) float64 { return 1 / r.RateDirect }},
		{"requests/s, direct to bottle, h2, 16 streams", "small h2 16", "bottle", "", 1 / .35, func(r, _ row) float64 { return 1 / r.RateDirect }},
		{"CPU of a new connection, ms", "new connection", "bottle", "", .9, func(r, _ row) float64 { return r.CPU / 1000 }},
		{"CPU of a resumed connection, ms", "resumed connection", "bottle", "", .75, func(r, _ row) float64 { return r.CPU / 1000 }},
		{"CPU of a new host, ms", "new hosts", "bottle", "", 2.3, func(r, _ row) float64 { return r.CPU / 1000 }},
		{"CPU per GB down, not redacted, to reverse", "down h1, not redacted", "bottle", "", 1.3, vsReverse},
		{"CPU per GB up, dlp off, to reverse", "up h1, dlp off", "off", "", 1.3, vsReverse},
		{"CPU per GB up, passthrough, to reverse", "up h1, passthrough", "bottle", "", 1.3, vsReverse},
		{"CPU s per GB up, scanned, beyond reverse", "up h1, scanned", "bottle", "", 1.3, func(r, _ row) float64 { return r.OverRev }},
		{"peak MB, 1 GB", "memory, 1 GB up and down", "bottle", "", 25, peak},
		{"KB of an idle tunnel", "idle tunnels", "bottle", "", 50, func(r, _ row) float64 { return r.Each }},
		{"peak MB, stalled h2 downloads", "stalled h2 downloads", "bottle", "", 64, peak},
		{"µs added to the head of an answer, p50", "answer head", "bottle", "", 2000, func(r, _ row) float64 { return r.AddedP50 }},
		{"µs added to an event, redacted, p50", "event stream", "bottle", "", 200, func(r, _ row) float64 { return r.AddedP50 }},
	} {
		r, ok := b.row(g.result, g.way)
		other, _ := b.row(g.result, g.other)
		if !ok {
			continue
		}
		got := g.got(r, other)
		list = append(list, target{g.name, got, g.limit, got <= g.limit, b.beside(g.result, r)})
	}
	return list
}

func (b *bench) row(name, way string) (row, bool) {
	for _, res := range b.results {
		for _, r := range res.Rows {
			if res.Name == name && r.Way == way {
				return r, true
			}
		}
	}
	return row{}, false
}

func (b *bench) writeJSON(file string) error {
	out, err := json.MarshalIndent(map[string]any{
		"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": runtime.NumCPU(), "rounds": b.much.rounds,
		"manifest": b.ways["bottle"].at.Config, "results": b.results, "targets": b.targets(),
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(out, '\n'), 0o600)
}

// checkSmoke sees to it that every way went through every measurement.
func (b *bench) checkSmoke() {
	if got := len(b.targets()); *only == "" && got != 19 {
		b.t.Errorf("%d targets have a number", got)
	}
	var text strings.Builder
	b.report(&text)
	for _, res := range b.results {
		for _, r := range res.Rows {
			if r.CPU < 0 || r.Rate < 0 {
				b.t.Errorf("%s: %+v", res.Name, r)
			}
		}
	}
	if _, err := json.Marshal(b.results); err != nil {
		b.t.Error(err)
	}
}
