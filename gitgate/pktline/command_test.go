package pktline

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/bot-bottle/bottle/gitgate/oid"
)

var (
	zero = strings.Repeat("0", 40)
	one  = strings.Repeat("1", 40)
	two  = strings.Repeat("2", 40)
	wide = strings.Repeat("3", 64)
)

// packets makes a packet of each text; "" is a flush.
func packets(texts ...string) string {
	var b []byte
	for _, s := range texts {
		if s == "" {
			b = append(b, FlushPacket...)
		} else {
			b = Append(b, s)
		}
	}
	return string(b)
}

func read(in string) (*Push, string, error) {
	src := strings.NewReader(in)
	p, err := ReadPush(NewReader(src))
	rest, _ := io.ReadAll(src)
	return p, string(rest), err
}

func id(t *testing.T, s string) oid.ID {
	t.Helper()
	v, err := oid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAPushIsReadUpToItsPack(t *testing.T) {
	in := packets("shallow "+one+"\n", zero+" "+one+" refs/heads/agent/a\x00 report-status side-band-64k agent=git/2.39.5 push-options",
		one+" "+two+" refs/heads/agent/b\n", two+" "+zero+" refs/tags/v1", "", "ci.skip\n", "", "") + "PACK"
	p, rest, err := read(in)
	if err != nil {
		t.Fatal(err)
	}
	want := &Push{Shallow: []oid.ID{id(t, one)}, Commands: []Command{
		{oid.ID{}, id(t, one), "refs/heads/agent/a"}, {id(t, one), id(t, two), "refs/heads/agent/b"}, {id(t, two), oid.ID{}, "refs/tags/v1"}},
		Capabilities: Capabilities{"report-status", "side-band-64k", "agent=git/2.39.5", "push-options"}, Options: []string{"ci.skip"}}
	if !reflect.DeepEqual(p, want) || rest != FlushPacket+"PACK" {
		t.Errorf("got %+v and then %q", p, rest)
	}
	if !p.HasPack() || !p.Commands[0].Create() || p.Commands[1].Create() || p.Commands[1].Delete() || !p.Commands[2].Delete() {
		t.Error("what the commands do is wrong")
	}
	sent := p.Append(nil, "bottle")
	again, _, err := read(string(sent))
	if err != nil || !reflect.DeepEqual(again.Commands, p.Commands) || !reflect.DeepEqual(again.Options, p.Options) || !reflect.DeepEqual(again.Shallow, p.Shallow) {
		t.Errorf("sent on it is %q: %+v, %v", sent, again, err)
	}
	if got := again.Capabilities.String(); got != "report-status side-band-64k push-options agent=bottle" {
		t.Errorf("the capabilities that are sent on: %q", got)
	}
}

func TestOtherFormsOfAPush(t *testing.T) {
	for name, c := range map[string]struct {
		in      string
		pack    bool
		command int
	}{
		"a question whether the server is there": {packets(""), false, 0},
		"the same from a shallow clone":          {packets("shallow "+one, ""), false, 0},
		"no capabilities":                        {packets(zero+" "+one+" refs/heads/a", ""), true, 1},
		"a line feed behind the capabilities":    {packets(zero+" "+one+" refs/heads/a\x00 quiet\n", ""), true, 1},
		"only deletes":                           {packets(one+" "+zero+" refs/heads/a\x00quiet", ""), false, 1},
		"the other format":                       {packets("shallow "+wide, strings.Repeat("0", 64)+" "+wide+" refs/heads/a\x00 object-format=sha256", ""), true, 1},
		"no push options with the capability":    {packets(one+" "+two+" refs/heads/a\x00push-options", "", ""), true, 1},
	} {
		p, rest, err := read(c.in)
		if err != nil || rest != "" || p.HasPack() != c.pack || len(p.Commands) != c.command {
			t.Errorf("%s: %+v, %q, %v", name, p, rest, err)
		}
	}
}

func TestAPushThatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	ok := zero + " " + one + " refs/heads/a"
	secret := "hunter2-is-no-password"
	cases := map[string]string{
		"no flush":                         packets(ok),
		"cut":                              packets(ok)[:20],
		"a delimiter":                      packets(ok) + DelimPacket,
		"a signed push":                    packets("push-cert\x00 report-status\n", ""),
		"a tab between":                    packets(zero+"\t"+one+" refs/heads/a", ""),
		"two spaces between":               packets(zero+"  "+one+" refs/heads/a", ""),
		"a no-break space in the ref":      packets(zero+" "+one+" refs/heads/agent\u00a0../main", ""),
		"a no-break space alone":           packets(zero+" "+one+" refs/heads/agent\u00a0main", ""),
		"a space in the ref":               packets(zero+" "+one+" refs/heads/agent main", ""),
		"a line feed in the ref":           packets(zero+" "+one+" refs/heads/agent\nmain", ""),
		"two line feeds":                   packets(zero+" "+one+" refs/heads/agent\n\n", ""),
		"a carriage return":                packets(zero+" "+one+" refs/heads/agent\r\n", ""),
		"no ref":                           packets(zero+" "+one, ""),
		"an empty ref":                     packets(zero+" "+one+" ", ""),
		"a short ID":                       packets(zero+" "+one[:39]+" refs/heads/a", ""),
		"an ID in capitals":                packets(zero+" "+strings.Repeat("A", 40)+" refs/heads/a", ""),
		"an ID of another format":          packets(zero+" "+wide+" refs/heads/a", ""),
		"shallow of another format":        packets("shallow "+wide, ok, ""),
		"a format that is not agreed on":   packets(strings.Repeat("0", 64)+" "+wide+" refs/heads/a", ""),
		"a format that is not known":       packets(ok+"\x00object-format=md5", ""),
		"nothing of nothing":               packets(zero+" "+zero+" refs/heads/a", ""),
		"one ref twice":                    packets(ok, one+" "+two+" refs/heads/a", ""),
		"shallow behind a command":         packets(ok, "shallow "+one, ""),
		"shallow of nothing":               packets("shallow ", ""),
		"capabilities at a second command": packets(ok+"\x00quiet", zero+" "+one+" refs/heads/b\x00atomic", ""),
		"a second NUL":                     packets(ok+"\x00quiet\x00atomic", ""),
		"a control character":              packets(ok+"\x00quiet\x01", ""),
		"options without their flush":      packets(ok+"\x00push-options", "", "a"),
		"an option of two lines":           packets(ok+"\x00push-options", "", "a\nb", ""),
		"HEAD":                             packets(zero+" "+one+" HEAD", ""),
		"a ref of one part":                packets(zero+" "+one+" refs/a", ""),
		"a ref with a secret":              packets(zero+" "+one+" refs/heads/"+secret+"..", ""),
		"a packet with a secret":           packets(secret, ""),
	}
	for name, in := range cases {
		p, _, err := read(in)
		if err == nil || !errors.Is(err, ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %+v, %v", name, p, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error has it: %v", name, err)
		}
	}
}

func TestAPushHasLimits(t *testing.T) {
	var shallow, options []byte
	for range MaxShallow + 1 {
		shallow = Append(shallow, "shallow "+one)
	}
	options = append(Append(nil, zero+" "+one+" refs/heads/a\x00push-options"), FlushPacket...)
	for range MaxOptions + 1 {
		options = Append(options, "x")
	}
	wideOption := append(append(Append(nil, zero+" "+one+" refs/heads/a\x00push-options"), FlushPacket...), Append(Append(nil, strings.Repeat("x", 40<<10)), strings.Repeat("y", 40<<10))...)
	caps := Append(nil, zero+" "+one+" refs/heads/a\x00"+strings.Repeat("x ", MaxCapabilities+1))
	for name, b := range map[string][]byte{"commands": manyCommands(MaxCommands + 1), "shallow": shallow, "options": options, "bytes of options": wideOption, "capabilities": caps} {
		if _, _, err := read(string(append(b, FlushPacket...))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, _, err := read(string(manyCommands(MaxCommands)) + FlushPacket); err != nil || len(p.Commands) != MaxCommands {
		t.Errorf("the most commands: %v", err)
	}
}

func manyCommands(n int) (b []byte) {
	for i := range n {
		b = Append(b, fmt.Sprintf("%s %s refs/heads/b%d", zero, one, i))
	}
	return b
}
