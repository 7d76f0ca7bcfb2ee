package workspace

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func deflated(data []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

// refDelta is an entry of a pack: a delta that takes the first bytes of its base.
func refDelta(base plumbing.Hash, from uint64) []byte {
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, from), 10)
	delta = append(delta, 0x90, 10)
	return slices.Concat(packHeader(plumbing.REFDeltaObject, uint64(len(delta))), base[:], deflated(delta))
}

// writePack puts a pack of entries into a git folder, each under the name that it
// is said to have.
func writePack(t *testing.T, git string, entries map[plumbing.Hash][]byte) {
	t.Helper()
	pack := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(entries)))
	names := slices.SortedFunc(maps.Keys(entries), func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	var hashes, crcs, offsets []byte
	fanout := make([]byte, 0, 1024)
	for _, h := range names {
		offsets = binary.BigEndian.AppendUint32(offsets, uint32(len(pack)))
		crcs = binary.BigEndian.AppendUint32(crcs, crc32.ChecksumIEEE(entries[h]))
		hashes = append(hashes, h[:]...)
		pack = append(pack, entries[h]...)
	}
	for i := range 256 {
		n := 0
		for _, h := range names {
			if int(h[0]) <= i {
				n++
			}
		}
		fanout = binary.BigEndian.AppendUint32(fanout, uint32(n))
	}
	sum := sha1.Sum(pack)
	index := slices.Concat([]byte("\xfftOc\x00\x00\x00\x02"), fanout, hashes, crcs, offsets, sum[:])
	own := sha1.Sum(index)
	name := filepath.Join(git, "objects/pack/pack-"+plumbing.Hash(sum).String())
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name+".pack", append(pack, sum[:]...), 0o600))
	must(t, os.WriteFile(name+".idx", append(index, own[:]...), 0o600))
}

// hostilePacks are packs with an object that no program should follow, by what
// is to be said of it.
var hostilePacks = []struct {
	name, want string
	entries    func(h plumbing.Hash) map[plumbing.Hash][]byte
}{
	{"a delta of itself", "a chain of more than", func(h plumbing.Hash) map[plumbing.Hash][]byte {
		return map[plumbing.Hash][]byte{h: refDelta(h, 10)}
	}},
	{"deltas in a circle", "a chain of more than", func(h plumbing.Hash) map[plumbing.Hash][]byte {
		return map[plumbing.Hash][]byte{h: refDelta(plumbing.Hash{9}, 10), {9}: refDelta(h, 10)}
	}},
	{"a delta of an object that says it is huge", "too large", func(h plumbing.Hash) map[plumbing.Hash][]byte {
		return map[plumbing.Hash][]byte{h: refDelta(plumbing.Hash{9}, 10), {9}: append(packHeader(plumbing.BlobObject, 1<<40), deflated(make([]byte, 10))...)}
	}},
	{"a delta that says that its base is huge", "too large", func(h plumbing.Hash) map[plumbing.Hash][]byte {
		return map[plumbing.Hash][]byte{h: refDelta(plumbing.Hash{9}, 1<<40), {9}: append(packHeader(plumbing.BlobObject, 10), deflated(make([]byte, 10))...)}
	}},
	{"a delta of what is longer than it says", "a malformed entry", func(h plumbing.Hash) map[plumbing.Hash][]byte {
		return map[plumbing.Hash][]byte{h: refDelta(plumbing.Hash{9}, 10), {9}: append(packHeader(plumbing.BlobObject, 10), deflated(make([]byte, 1<<20))...)}
	}},
	{"a delta of nothing", "is missing", func(h plumbing.Hash) map[plumbing.Hash][]byte {
		return map[plumbing.Hash][]byte{h: refDelta(plumbing.Hash{9}, 10)}
	}},
}

// hostileCommit makes a commit of one file, which has the name of an object.
func hostileCommit(t *testing.T, dir string, file plumbing.Hash) {
	t.Helper()
	tree := object(t, dir, "tree", "100644 x\x00"+string(file[:]), "")
	h := object(t, dir, "commit", "tree "+tree+"\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n", "")
	write(t, dir, files{".git/refs/heads/evil": h + "\n"})
}

// A pack that no git wrote costs the commits, and nothing else.
func TestPullOfHostilePacks(t *testing.T) {
	for _, test := range hostilePacks {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1"})
			c := copyOf(t, dir)
			h := plumbing.NewHash(strings.Repeat("a5", 20))
			writePack(t, filepath.Join(c.target, ".git"), test.entries(h))
			hostileCommit(t, c.target, h)
			write(t, c.target, files{"work": "w"})
			out := pull(t, c)
			wantList(t, "the pull", said(out), "taken added work", "left commits . refs/heads/evil")
			for _, i := range out.Left.Items {
				if !strings.Contains(i.Reason, test.want) {
					t.Errorf("the reason: %s", i.Reason)
				}
			}
		})
	}
}

// The same in a repository that is copied, as that of an archive is.
func TestCopyOfHostilePacks(t *testing.T) {
	for _, test := range hostilePacks {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepo(t, files{"a": "1"})
			h := plumbing.NewHash(strings.Repeat("a5", 20))
			writePack(t, filepath.Join(dir, ".git"), test.entries(h))
			hostileCommit(t, dir, h)
			write(t, dir, files{".git/refs/heads/worse": h.String() + "\n"}) // one that is read without a scanner
			c := copyOf(t, dir)
			if kept := c.Kept.Items; len(kept) != 1 || !strings.Contains(kept[0].Reason, test.want) {
				t.Errorf("kept: %+v", kept)
			}
			has(t, c.target, files{"a": "1"})
		})
	}
}
