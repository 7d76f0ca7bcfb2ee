package gitgate

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// FuzzFetchRequest holds that what is forwarded of a request is read in the same
// way again, with nothing more to drop.
func FuzzFetchRequest(f *testing.F) {
	packets := func(lines ...string) (b []byte) {
		for _, l := range lines {
			switch l {
			case pktline.FlushPacket, pktline.DelimPacket:
				b = append(b, l...)
			default:
				b = pktline.Append(b, l)
			}
		}
		return b
	}
	const id = "0123456789012345678901234567890123456789"
	f.Add(true, packets("command=ls-refs\n", "agent=git/2.39.5", "object-format=sha1", "session-id=x", "0001", "peel\n", "symrefs\n", "ref-prefix HEAD\n", "0000"))
	f.Add(true, packets("command=fetch", "server-option=x", "0001", "thin-pack", "packfile-uris https", "want "+id+"\n", "have "+id+"\n", "done\n", "0000"))
	f.Add(false, packets("want "+id+" multi_ack_detailed side-band-64k session-id=x agent=git/2\n", "want "+id+"\n", "deepen 1\n", "0000", "have "+id+"\n", "done\n"))
	f.Add(false, []byte("0000"))
	f.Add(true, packets("session-id=0"))
	f.Add(false, packets("want "+id+" "+strings.Repeat("x", pktline.MaxPayload-46)))
	f.Fuzz(func(t *testing.T, second bool, body []byte) {
		check := checkOldFetch
		if second {
			check = checkFetch
		}
		once, err := check(pktline.NewReader(bytes.NewReader(body)))
		if err != nil {
			return
		}
		twice, err := check(pktline.NewReader(bytes.NewReader(once)))
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q is forwarded as %q, which is read as %q: %v", body, once, twice, err)
		}
	})
}

// FuzzAdvertisement holds that what is shown of a server's first words can be read
// again, with nothing more to drop.
func FuzzAdvertisement(f *testing.F) {
	const id = "0123456789012345678901234567890123456789"
	f.Add(true, true, []byte("000eversion 2\n0018agent=git/2.39.5-x\n000cls-refs\n002afetch=shallow packfile-uris filter xxx\n000fbundle-uri\n0000"))
	f.Add(true, false, append(pktline.Append(nil, id+" HEAD\x00multi_ack session-id=1\n"), pktline.FlushPacket...))
	f.Add(false, true, append(pktline.Append(nil, id+" refs/heads/x\x00report-status push-cert=1 push-options atomic\n"), pktline.FlushPacket...))
	long := func(begin string) []byte {
		return append(pktline.Append(nil, begin+strings.Repeat("x", pktline.MaxPayload-len(begin))), pktline.FlushPacket...)
	}
	f.Add(true, true, long(id+" HEAD\x00"))
	f.Add(false, true, long(id+" HEAD\x00atomic "))
	f.Add(true, true, append(pktline.Append(nil, "version 2\n"), long("agent=")...))
	f.Fuzz(func(t *testing.T, fetch, options bool, text []byte) {
		service := receivePack
		if fetch {
			service = uploadPack
		}
		edit := func(b []byte) ([]byte, error) {
			first, rest, err := editAdvertisement(bufio.NewReader(bytes.NewReader(b)), service, options)
			if err != nil {
				return nil, err
			}
			return io.ReadAll(io.MultiReader(bytes.NewReader(first), rest))
		}
		once, err := edit(text)
		if err != nil {
			return
		}
		twice, err := edit(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q is shown as %q, which is read as %q: %v", text, once, twice, err)
		}
	})
}
