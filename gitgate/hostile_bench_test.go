package gitgate_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/bot-bottle/bottle/gitgate/pack/packtest"
)

// hostileBytes is how large the packs of BenchmarkHostilePush may be.
const hostileBytes = 10 << 20

// BenchmarkHostilePush pushes packs of up to 10 MB that are made to cost much, to a
// gate in a process of its own with the whole scanner, and reports how long each is
// worked on and the most memory: 10 s and 300 MB are promised.
func BenchmarkHostilePush(b *testing.B) {
	if testing.Short() {
		b.Skip("it takes minutes")
	}
	root := b.TempDir()
	if out, err := exec.Command("git", "init", "-q", "--bare", filepath.Join(root, "org", "bench.git")).CombinedOutput(); err != nil {
		b.Fatalf("%s", out)
	}
	o := newOrigin(b, root)
	gate := (&benchWorld{B: b, root: root}).startGate(o)
	for _, c := range hostilePacks() {
		b.Run(c.name, func(b *testing.B) {
			pack := c.make()
			b.Logf("%d KiB", len(pack)>>10)
			body := pushBody(pack, zeroID+" "+someID+" refs/heads/agent/x")
			for b.Loop() {
				gate.highest(b)
				start := time.Now()
				req, err := http.NewRequest(http.MethodPost, gate.url+"bench/git-receive-pack", bytes.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				answer, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(start).Seconds(), "s")
				b.ReportMetric(float64(gate.highest(b))/1e6, "MB-RSS")
				b.Logf("%.300q", answer)
			}
		})
	}
}

type hostilePack struct {
	name string
	make func() []byte
}

// Types of entries (gitformat-pack).
const (
	commitEntry, treeEntry, blobEntry = 1, 2, 3
	offsetDelta                       = 6
)

func hostilePacks() []hostilePack {
	r := rand.New(rand.NewPCG(1, 2))
	letters := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n"[r.IntN(64)]
		}
		return b
	}
	base64Of := func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b)) }
	zipped := func(content []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(content) // a Buffer takes everything
		_ = z.Close()
		return b.Bytes()
	}
	blobs := func(content func() []byte) func() []byte {
		return func() []byte {
			return packOfEntries(func(n int) (byte, []byte, []byte) { return blobEntry, nil, content() })
		}
	}
	words := strings.Fields("abandon ability able about above absent absorb abstract absurd abuse access accident account accuse achieve acid acoustic acquire across act action actor actress actual")
	return []hostilePack{
		{"zeros", func() []byte { // a few are too many
			var b bytes.Buffer
			for n := range 8 {
				appendEntry(&b, blobEntry, nil, make([]byte, 90<<20+n))
			}
			return packOf(8, b.Bytes())
		}},
		{"random-bytes", blobs(func() []byte { return randomBytes(r, 1<<20) })},
		{"random-text", blobs(func() []byte { return letters(1 << 20) })},
		{"words-of-phrases", blobs(func() []byte {
			var b bytes.Buffer
			for b.Len() < 1<<20 {
				b.WriteString(words[r.IntN(len(words))] + " ")
			}
			return b.Bytes()
		})},
		{"assignments", blobs(func() []byte {
			var b bytes.Buffer
			for b.Len() < 1<<20 {
				fmt.Fprintf(&b, "password = \"%s\"\n", base64Of(randomBytes(r, 24)))
			}
			return b.Bytes()
		})},
		{"thrice-base64", blobs(func() []byte { return base64Of(base64Of(base64Of(letters(300 << 10)))) })},
		{"gzip-in-base64", blobs(func() []byte { return base64Of(zipped(bytes.Repeat(letters(64<<10), 100))) })},
		{"gzip-bombs", func() []byte {
			bomb := zipped(make([]byte, 64<<20))
			return blobs(func() []byte { return append(bytes.Clone(bomb), randomBytes(r, 16)...) })()
		}},
		{"small-objects", func() []byte {
			return packOfEntries(func(n int) (byte, []byte, []byte) { return blobEntry, nil, fmt.Appendf(nil, "%x", n) })
		}},
		{"trees", func() []byte {
			return packOfEntries(func(n int) (byte, []byte, []byte) {
				var b bytes.Buffer
				for i := range 20_000 {
					fmt.Fprintf(&b, "100644 f%08d%x\x00%s", i, n, "abcdefghijklmnopqrst")
				}
				return treeEntry, nil, b.Bytes()
			})
		}},
		{"commits", func() []byte {
			parents := strings.Repeat("parent "+someID+"\n", 200)
			return packOfEntries(func(n int) (byte, []byte, []byte) {
				return commitEntry, nil, fmt.Appendf(nil, "tree %s\n%sauthor a <a@b.c> %d +0000\ncommitter a <a@b.c> 1 +0000\n\nx\n", someID, parents, n)
			})
		}},
		{"deltas-on-each-other", func() []byte { return packOfDeltas(letters(64<<10), true) }},
		{"deltas-on-a-large-one", func() []byte { return packOfDeltas(append(make([]byte, 40<<20), letters(1<<10)...), false) }},
		{"jumps-in-a-large-one", func() []byte { return packOfJumps(r, 90<<20) }},
		{"large-ones-on-each-other", func() []byte { return packOfDeltas(append(make([]byte, 90<<20), letters(1<<10)...), true) }},
	}
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// packOfEntries makes a pack of entries of a kind and content until it is full.
func packOfEntries(next func(n int) (kind byte, before, content []byte)) []byte {
	var b bytes.Buffer
	n := 0
	for b.Len() < hostileBytes*9/10 {
		kind, before, content := next(n)
		at := b.Len()
		appendEntry(&b, kind, before, content)
		n++
		if b.Len() > hostileBytes-1024 {
			b.Truncate(at)
			n--
			break
		}
	}
	return packOf(uint32(n), b.Bytes())
}

// packOfDeltas makes one of a base and deltas that repeat it whole and add a number:
// each on the one before, or all on the base.
func packOfDeltas(base []byte, deep bool) []byte {
	const headBytes = 12 // of a pack
	var b bytes.Buffer
	appendEntry(&b, blobEntry, nil, base)
	on, size, n := headBytes, len(base), 1
	for ; b.Len() < hostileBytes*9/10 && n < 60_000; n++ {
		tail := fmt.Sprintf("%08d", n)
		delta := packtest.AppendSize(packtest.AppendSize(nil, size), size+len(tail))
		for from := 0; from < size; {
			part := min(size-from, 0xffffff)
			delta = append(delta, packtest.Take(from, part)...)
			from += part
		}
		delta = append(append(delta, byte(len(tail))), tail...)
		at := headBytes + b.Len()
		appendEntry(&b, offsetDelta, packtest.AppendDistance(nil, at-on), delta)
		if deep {
			on, size = at, size+len(tail)
		}
	}
	return packOf(uint32(n), b.Bytes())
}

// packOfJumps makes one of a base and a delta that takes single bytes from all over it.
func packOfJumps(r *rand.Rand, size int) []byte {
	var b bytes.Buffer
	appendEntry(&b, blobEntry, nil, make([]byte, size))
	n := hostileBytes / 7
	delta := packtest.AppendSize(packtest.AppendSize(nil, size), n)
	for range n {
		delta = append(delta, packtest.Take(r.IntN(size), 1)...)
	}
	appendEntry(&b, offsetDelta, packtest.AppendDistance(nil, b.Len()), delta)
	return packOf(2, b.Bytes())
}

func appendEntry(b *bytes.Buffer, kind byte, before, content []byte) {
	b.Write(packtest.AppendHead(nil, kind, len(content)))
	b.Write(before)
	entryZipper.Reset(b)
	_, _ = entryZipper.Write(content) // a Buffer takes everything
	_ = entryZipper.Close()
}

var entryZipper = zlib.NewWriter(nil)
