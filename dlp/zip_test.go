package dlp

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
)

// member writes a local header and data by hand, as other packers do.
type member struct {
	name   string
	flags  uint16
	method uint16
	data   []byte // as it is in the archive
	size   uint32 // of data as the header has it
	extra  []byte
	behind []byte // the descriptor
}

func (m member) bytes() []byte {
	b := []byte(zipMember)
	b = binary.LittleEndian.AppendUint16(b, 20)
	b = binary.LittleEndian.AppendUint16(b, m.flags)
	b = binary.LittleEndian.AppendUint16(b, m.method)
	b = append(b, 0, 0, 0, 0) // the time
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(m.data))
	b = binary.LittleEndian.AppendUint32(b, m.size)
	b = binary.LittleEndian.AppendUint32(b, m.size)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.name)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.extra)))
	b = append(b, m.name...)
	b = append(b, m.extra...)
	b = append(b, m.data...)
	return append(b, m.behind...)
}

func deflated(s string) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.Bytes()
}

const directory = "PK\x01\x02 the directory"

func stored(name, data string) member {
	return member{name: name, data: []byte(data), size: uint32(len(data))}
}

func archiveOf(members ...member) []byte {
	var b []byte
	for _, m := range members {
		b = append(b, m.bytes()...)
	}
	return append(b, directory...)
}

func descriptor(sign bool, width int) []byte {
	var b []byte
	if sign {
		b = append(b, "PK\x07\x08"...)
	}
	return append(b, bytes.Repeat([]byte{3}, 4+2*width)...)
}

func zipSamples(t testing.TB) [][]byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a", "folder/", "folder/b.txt"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") {
			_, _ = f.Write(sampleText(500))
		}
	}
	_ = w.Close()
	z := deflated("deflated")
	return [][]byte{
		b.Bytes(),
		archiveOf(stored("one", "first"), stored("two", "second")),
		archiveOf(member{name: "d", method: zipDeflate, flags: zipDescriptor, data: z, behind: descriptor(true, 4)}, stored("two", "second")),
	}
}

func TestZipMembers(t *testing.T) {
	z := deflated("deflated")
	big := make([]byte, 20)
	binary.LittleEndian.PutUint16(big, 1)
	binary.LittleEndian.PutUint16(big[2:], 16)
	binary.LittleEndian.PutUint64(big[4:], 8)
	binary.LittleEndian.PutUint64(big[12:], uint64(len(z)))
	frame := pack(t, codecZstd, []byte("by zstd"))
	after := stored("last", "seen")
	const last = "\nlast\nseen"
	for _, c := range []struct {
		name    string
		members []member
		want    string
		err     error
	}{
		{"stored", []member{stored("one", "first")}, "\none\nfirst", nil},
		{"an empty file and a folder", []member{stored("e", ""), stored("f/", "")}, "\ne\n\nf/\n", nil},
		{"deflated", []member{{name: "d", method: zipDeflate, data: z, size: uint32(len(z))}}, "\nd\ndeflated", nil},
		{"deflated with a descriptor", []member{{name: "d", method: zipDeflate, flags: zipDescriptor, data: z, behind: descriptor(true, 4)}}, "\nd\ndeflated", nil},
		{"a descriptor without signature", []member{{name: "d", method: zipDeflate, flags: zipDescriptor, data: z, behind: descriptor(false, 4)}}, "\nd\ndeflated", nil},
		{"a descriptor of 64 bits", []member{{name: "d", method: zipDeflate, flags: zipDescriptor, data: z, behind: descriptor(true, 8)}}, "\nd\ndeflated", nil},
		{"a descriptor of 64 bits without signature", []member{{name: "d", method: zipDeflate, flags: zipDescriptor, data: z, behind: descriptor(false, 8)}}, "\nd\ndeflated", nil},
		{"sizes of 64 bits", []member{{name: "d", method: zipDeflate, data: z, size: 0xffffffff, extra: big}}, "\nd\ndeflated\n" + string(big) + "\n", nil},
		{"zstd", []member{{name: "s", method: zipZstd, data: frame, size: uint32(len(frame))}}, "\ns\nby zstd", nil},
		{"encrypted", []member{{name: "e", flags: zipEncrypted, data: []byte("secret"), size: 6}}, "\ne\n", ErrEncrypted},
		{"another method", []member{{name: "x", method: 14, data: []byte("lzma"), size: 4}}, "\nx\n", ErrUnknownEncoding},
		{"damaged", []member{{name: "d", method: zipDeflate, data: []byte("\xff\xff\xff\xff"), size: 4}}, "\nd\n", ErrCorrupt},
	} {
		for _, step := range []int{1, 13, 1 << 20} {
			u := unpack(t, codecZip, archiveOf(append(c.members, after)...), func() int { return step })
			want := c.want
			if big := "\n" + string(big) + "\n"; strings.HasSuffix(want, big) { // the extra field comes before the data
				want = "\nd\n" + big + "deflated"
			}
			if u.text != want+last || !u.done {
				t.Errorf("%s by %d: got %q, want %q, done %v", c.name, step, u.text, want+last, u.done)
			}
			if c.err == nil && u.errs != nil || c.err != nil && (len(u.errs) != 1 || !errors.Is(u.errs[0], c.err)) {
				t.Errorf("%s by %d: %v", c.name, step, u.errs)
			}
		}
	}
}

func TestZipMembersWithoutSizes(t *testing.T) {
	u := unpack(t, codecZip, archiveOf(member{name: "s", flags: zipDescriptor, data: []byte("data PK of some length"), behind: descriptor(true, 4)}, stored("last", "seen")), func() int { return 3 })
	if !strings.Contains(u.text, "\ns\ndata PK of some length") || !strings.HasSuffix(u.text, "\nlast\nseen") || u.errs != nil {
		t.Errorf("stored: %q, %v", u.text, u.errs)
	}
	// Of what is encrypted, nobody knows where it ends.
	u = unpack(t, codecZip, archiveOf(member{name: "e", flags: zipDescriptor | zipEncrypted, data: []byte("secret")}), func() int { return 1000 })
	if len(u.errs) != 1 || !errors.Is(u.errs[0], ErrEncrypted) || !u.done || u.rest == "" {
		t.Errorf("encrypted: %+v", u)
	}
}

func TestZipOfTheStandardLibrary(t *testing.T) {
	u := unpack(t, codecZip, zipSamples(t)[0], func() int { return 100 })
	want := "\na\n" + string(sampleText(500)) + "\nfolder/\n" + "\nfolder/b.txt\n" + string(sampleText(500))
	if u.text != want || u.errs != nil {
		t.Errorf("%d bytes, want %d, %v", len(u.text), len(want), u.errs)
	}
}
