package pktline

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

// What is read is written in one way, which is read as the same.
func FuzzPackets(f *testing.F) {
	for _, s := range []string{"", "0000", "0006a\n0001", "0005\x01", "fff0", "000", "0004" + "0002"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		src := bytes.NewReader(in)
		r := NewReader(src)
		var again []byte
		for {
			kind, p, err := r.Next()
			if err != nil {
				break
			}
			if kind == Data {
				again = Append(again, p)
			} else {
				again = append(again, []string{Flush: FlushPacket, Delim: DelimPacket, ResponseEnd: ResponseEndPacket}[kind]...)
			}
			if used := len(in) - src.Len(); !strings.EqualFold(string(again), string(in[:used])) {
				t.Fatalf("%q is read as %q", in[:used], again)
			}
		}
	})
}

func FuzzPush(f *testing.F) {
	f.Add([]byte(packets("shallow "+one+"\n", zero+" "+one+" refs/heads/a\x00 report-status push-options", one+" "+two+" refs/heads/b", "", "ci.skip", "")))
	f.Add([]byte(packets(strings.Repeat("0", 64)+" "+wide+" refs/heads/a\x00object-format=sha256", "")))
	f.Add([]byte(packets(zero+" "+one+" refs/heads/agent\u00a0../main", "")))
	f.Add([]byte(packets(one+" "+zero+" refs/heads/a\x00quiet", "")))
	f.Add([]byte(packets("")))
	first := zero + " " + one + " refs/heads/main\x00atomic="
	f.Add([]byte(packets(first+strings.Repeat("x", MaxPayload-len(first)), "")))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := ReadPush(NewReader(bytes.NewReader(in)))
		if err != nil {
			return
		}
		if len(p.Commands) > MaxCommands || len(p.Shallow) > MaxShallow || len(p.Options) > MaxOptions {
			t.Fatal("more than the limits allow")
		}
		sent := p.Append(nil, "")
		again, err := ReadPush(NewReader(bytes.NewReader(sent)))
		if err != nil || !reflect.DeepEqual(again.Commands, p.Commands) || !reflect.DeepEqual(again.Shallow, p.Shallow) || len(again.Options) != len(p.Options) || again.Format != p.Format {
			t.Fatalf("%+v is sent as %q, which is %+v: %v", p, sent, again, err)
		}
		if !bytes.Equal(again.Append(nil, ""), sent) {
			t.Fatalf("%q is not sent as it was", sent)
		}
	})
}

func FuzzOfferPush(f *testing.F) {
	f.Add([]byte(one+" refs/heads/main\x00report-status push-cert=a later\n"), true)
	f.Add([]byte(zero+" capabilities^{}\x00object-format=sha256"), false)
	f.Fuzz(func(t *testing.T, first []byte, options bool) {
		out, err := OfferPush(first, options)
		if err != nil {
			return
		}
		ref, caps, _ := strings.Cut(string(out), "\x00")
		before, _, _ := bytes.Cut(first, []byte{0})
		offered, err := ParseCapabilities(strings.TrimSuffix(caps, "\n"))
		if err != nil || ref != string(before) || offered[len(offered)-1] != "no-thin" {
			t.Fatalf("%q is offered as %q: %v", first, out, err)
		}
		for _, bad := range []string{"push-cert", "session-id", "agent"} {
			if offered.Has(bad) {
				t.Fatalf("%q is offered as %q", first, out)
			}
		}
		again, err := OfferPush(out, options)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q is offered as %q: %v", out, again, err)
		}
	})
}

func FuzzReport(f *testing.F) {
	f.Add([]byte(packets("unpack ok\n", "ok refs/heads/a\n", "option refname a", "ng refs/heads/b why\n", "")))
	f.Add([]byte(packets("ERR no")))
	f.Fuzz(func(t *testing.T, in []byte) {
		rep, err := ReadReport(NewReader(bytes.NewReader(in)))
		if err != nil {
			return
		}
		for _, s := range append(rep.Refs, RefStatus{Reason: rep.Unpack}) {
			if strings.ContainsFunc(s.Reason, unicode.IsControl) {
				t.Fatalf("a reason of %q", s.Reason)
			}
		}
		if again, err := ReadReport(NewReader(bytes.NewReader(rep.Append(nil)))); err != nil || !reflect.DeepEqual(again, rep) {
			t.Fatalf("%+v is written as %+v: %v", rep, again, err)
		}
	})
}
