package wirebench

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is one way in one round.
type sample struct {
	n    float64 // of what the unit is
	wall time.Duration
	lat  []time.Duration
	cpu  time.Duration
}

// row is one way in one measurement, over all rounds. What was not measured is 0.
type row struct {
	Way        string  `json:"way"`
	CPU        float64 `json:"cpu,omitempty"`          // per unit
	VsReverse  float64 `json:"vs_reverse,omitempty"`   // of the CPU
	OverRev    float64 `json:"over_reverse,omitempty"` // CPU beyond it
	Rate       float64 `json:"rate,omitempty"`         // units a second
	RateDirect float64 `json:"rate_vs_direct,omitempty"`
	P50        float64 `json:"p50_us,omitempty"`
	P99        float64 `json:"p99_us,omitempty"`
	AddedP50   float64 `json:"added_p50_us,omitempty"` // to direct
	Peak       float64 `json:"peak_mb,omitempty"`
	File       float64 `json:"file_mb,omitempty"` // of that, mapped from files
	Each       float64 `json:"kb_each,omitempty"`
}

// result is one measurement.
type result struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	Rows []row  `json:"rows"`
}

type bench struct {
	t       *testing.T
	much    amount
	setup   setup
	ways    map[string]*way
	results []result
	began   time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "wb") // short: sockets will be in it
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &bench{t: t, setup: makePKI(t, dir), ways: map[string]*way{}, began: time.Now()}
	direct := b.newWay("direct")
	b.setup.Upstream = direct.at.Addr
	b.ways["direct"] = direct
	for _, role := range []string{"splice", "reverse", "goproxy", "bottle", "off"} {
		b.ways[role] = b.newWay(role)
	}
	b.ways["captured"] = b.ways["bottle"].captured()
	if *before != "" {
		b.ways["before"] = b.newWay("before")
	}
	return b
}

func (b *bench) wanted(name string) bool {
	ok, err := regexp.MatchString(*only, name)
	if err != nil {
		b.t.Fatal(err)
	}
	return ok
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// scenario is what is measured in the same way on all ways.
type scenario struct {
	name string
	unit string
	ways string        // names
	per  time.Duration // the unit of CPU
	// open makes what one way needs. do is one round; it returns the number of
	// units and their latencies.
	open func(w *way) (do func() (float64, []time.Duration), end func())
}

// measure runs a scenario in rounds, in each of which all ways have a turn.
func (b *bench) measure(s scenario) {
	b.t.Helper()
	if !b.wanted(s.name) {
		return
	}
	names := b.among(s.ways)
	do := map[string]func() (float64, []time.Duration){}
	for _, name := range names {
		w := b.ways[name]
		w.ask("reset")
		f, end := s.open(w)
		defer end()
		do[name] = f
	}
	if slices.Contains(names, "bottle") {
		defer b.profile(s.name)()
	}
	samples := map[string][]sample{}
	for range b.much.rounds {
		for _, name := range names {
			w := b.ways[name]
			cpu, began := w.cpu(), time.Now()
			n, lat := do[name]()
			sm := sample{n: n, lat: lat, wall: time.Since(began)}
			sm.cpu = w.cpu() - cpu
			samples[name] = append(samples[name], sm)
		}
	}
	res := result{Name: s.name, Unit: s.unit}
	for _, name := range names {
		r := summarize(samples[name], samples["reverse"], samples["direct"], s.per)
		r.Way, r.Peak = name, float64(b.ways[name].ask("usage").Peak)/(1<<20)
		res.Rows = append(res.Rows, r)
	}
	b.results = append(b.results, res)
}

// among returns which of the ways are measured.
func (b *bench) among(ways string) (names []string) {
	for _, name := range strings.Fields(ways) {
		if *onlyWays == "" || slices.Contains(strings.Fields(*onlyWays), name) {
			names = append(names, name)
		}
		if name == "bottle" && *before != "" {
			names = append(names, "before")
		}
	}
	return names
}

// profile has bottle, and what it is held to, write one each until what it returns is
// called, where profiles are asked for.
func (b *bench) profile(name string) (end func()) {
	if *profile == "" {
		return func() {}
	}
	of := []*way{b.ways["bottle"], b.ways["reverse"]}
	for _, w := range of {
		w.ask("profile", filepath.Join(*profile, strings.ReplaceAll(name, " ", "-")+"-"+w.role+".pprof"))
	}
	return func() {
		for _, w := range of {
			w.ask("stop")
		}
	}
}

// summarize takes medians of the rounds. Ratios are of samples of one round, which
// had the same weather.
func summarize(own, reverse, direct []sample, per time.Duration) (r row) {
	each := func(f func(i int) float64) float64 {
		list := make([]float64, len(own))
		for i := range own {
			list[i] = f(i)
		}
		return median(list)
	}
	cpu := func(s sample) float64 { return float64(s.cpu) / float64(per) / s.n }
	rate := func(s sample) float64 { return s.n / s.wall.Seconds() }
	r.CPU = each(func(i int) float64 { return cpu(own[i]) })
	r.Rate = each(func(i int) float64 { return rate(own[i]) })
	if reverse != nil {
		r.VsReverse = each(func(i int) float64 { return cpu(own[i]) / cpu(reverse[i]) })
		r.OverRev = each(func(i int) float64 { return cpu(own[i]) - cpu(reverse[i]) })
	}
	if direct != nil {
		r.RateDirect = each(func(i int) float64 { return rate(own[i]) / rate(direct[i]) })
	}
	if own[0].lat == nil {
		return r
	}
	r.P50 = each(func(i int) float64 { return quantile(own[i].lat, .5) })
	r.P99 = each(func(i int) float64 { return quantile(own[i].lat, .99) })
	if direct != nil {
		r.AddedP50 = each(func(i int) float64 { return quantile(own[i].lat, .5) - quantile(direct[i].lat, .5) })
	}
	return r
}

func median(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// quantile is in µs.
func quantile(lat []time.Duration, q float64) float64 {
	slices.SortFunc(lat, cmp.Compare)
	return float64(lat[int(q*float64(len(lat)-1))]) / float64(time.Microsecond)
}
