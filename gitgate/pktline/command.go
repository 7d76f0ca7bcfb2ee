package pktline

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/bot-bottle/bottle/gitgate/oid"
)

// What a push may have.
const (
	MaxCommands = 4096
	MaxShallow  = 1 << 16
	// MaxOptions push options of together MaxOptionBytes.
	MaxOptions     = 256
	MaxOptionBytes = 64 << 10
)

// Push is what a client sends before the pack (gitprotocol-pack(5), "Reference
// Update Request").
type Push struct {
	Format oid.Format
	// Shallow are commits whose parents the client does not have.
	Shallow []oid.ID
	// Commands are at least one, or none for the question whether the server is
	// there that git asks before a long push. No two are for one ref.
	Commands []Command
	// Capabilities are what the client wants of what was offered.
	Capabilities Capabilities
	// Options are for programs at the server. Without the capability there are none.
	Options []string
}

// Command asks for a ref to become another object.
type Command struct {
	// Old is what the client takes the ref to be, zero for a new one; New what it
	// shall be, zero for none.
	Old, New oid.ID
	Ref      string
}

// Create reports whether the ref is new.
func (c Command) Create() bool { return c.Old.IsZero() }

// Delete reports whether the ref shall be no more.
func (c Command) Delete() bool { return c.New.IsZero() }

// HasPack reports whether a pack follows: not where everything is deleted.
func (p *Push) HasPack() bool {
	return slices.ContainsFunc(p.Commands, func(c Command) bool { return !c.Delete() })
}

// ReadPush reads what comes before a pack, which then is next in the reader
// below. It accepts what git, libgit2, JGit and go-git send, and nothing that
// could be read in two ways. The commands of a signed push are refused: they
// could not be forwarded as they were judged.
func ReadPush(r *Reader) (*Push, error) {
	p := &Push{}
	for {
		kind, payload, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case kind == Flush:
			return p, p.end(r)
		case kind != Data:
			return nil, malformed("a packet that is no command among the commands")
		}
		if err := p.add(payload); err != nil {
			return nil, err
		}
	}
}

// maxFirst bounds the first command, which is sent on with more in it, in bytes.
const maxFirst = MaxPayload - 1<<10

var (
	shallowWord = []byte("shallow ")
	certWord    = []byte("push-cert")
)

func (p *Push) add(payload []byte) error {
	text := line(payload)
	if id, ok := bytes.CutPrefix(text, shallowWord); ok {
		return p.addShallow(id)
	}
	if len(p.Commands) == 0 {
		if len(text) > maxFirst {
			return malformed("a first command of more than %d bytes", maxFirst)
		}
		if bytes.HasPrefix(text, certWord) {
			return malformed("a signed push, which was not offered")
		}
		command, caps, _ := bytes.Cut(text, []byte{0})
		if err := p.agree(string(caps)); err != nil {
			return err
		}
		text = command
	}
	return p.addCommand(text)
}

func (p *Push) addShallow(text []byte) error {
	id, err := oid.Parse(text)
	switch {
	case err != nil:
		return malformed("shallow: %v", err)
	case len(p.Commands) > 0:
		return malformed("shallow behind a command")
	case len(p.Shallow) == MaxShallow:
		return malformed("more than %d times shallow", MaxShallow)
	}
	p.Shallow = append(p.Shallow, id)
	return nil
}

// agree takes the capabilities behind the first command.
func (p *Push) agree(caps string) (err error) {
	if p.Capabilities, err = ParseCapabilities(caps); err != nil {
		return err
	}
	if p.Format, err = p.Capabilities.format(); err != nil {
		return err
	}
	for _, id := range p.Shallow {
		if id.Format() != p.Format {
			return malformed("shallow: an object ID of another format")
		}
	}
	return nil
}

// addCommand reads "old new ref". Only the ASCII space parts them, and only
// the first two: a name with one in it is not a ref's.
func (p *Push) addCommand(text []byte) error {
	n := len(p.Commands) + 1
	if n > MaxCommands {
		return malformed("more than %d commands", MaxCommands)
	}
	fields := bytes.SplitN(text, []byte(" "), 3)
	if len(fields) != 3 {
		return malformed("command %d is not an old ID, a new one and a ref", n)
	}
	c := Command{Ref: string(fields[2])}
	var err error
	if c.Old, err = oid.Parse(fields[0]); err == nil {
		c.New, err = oid.Parse(fields[1])
	}
	switch {
	case err != nil:
		return malformed("command %d: %v", n, err)
	case c.Old.Format() != p.Format || c.New.Format() != p.Format:
		return malformed("command %d: an object ID of another format", n)
	case c.Old.IsZero() && c.New.IsZero():
		return malformed("command %d makes nothing of nothing", n)
	}
	if err := CheckRefName(c.Ref); err != nil {
		return malformed("command %d: %v", n, err)
	}
	p.Commands = append(p.Commands, c)
	return nil
}

// end checks the list as a whole and reads the options behind it.
func (p *Push) end(r *Reader) error {
	names := make([]string, len(p.Commands))
	for i, c := range p.Commands {
		names[i] = c.Ref
	}
	slices.Sort(names)
	if len(slices.Compact(names)) < len(p.Commands) {
		return malformed("two commands are for one ref")
	}
	if !p.Capabilities.Has(pushOptions) {
		return nil
	}
	return p.readOptions(r)
}

func (p *Push) readOptions(r *Reader) error {
	for total := 0; ; {
		kind, payload, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case kind == Flush:
			return nil
		case kind != Data:
			return malformed("a packet that is no push option among them")
		}
		text := line(payload)
		if total += len(text); total > MaxOptionBytes || len(p.Options) == MaxOptions {
			return malformed("more than %d push options or %d bytes of them", MaxOptions, MaxOptionBytes)
		}
		if !utf8.Valid(text) || bytes.ContainsFunc(text, unicode.IsControl) {
			return malformed("a push option with control characters")
		}
		p.Options = append(p.Options, string(text))
	}
}

// Append appends the list as it is sent to a server: of the capabilities those
// that OfferPush lets pass, and the one of agent, if it is not "", in place of the
// client's. It is what ReadPush reads.
func (p *Push) Append(dst []byte, agent string) []byte {
	for _, id := range p.Shallow {
		dst = Append(dst, "shallow "+id.String())
	}
	caps := pushNames(p.Capabilities, true)
	if agent != "" {
		caps = append(caps, "agent="+agent)
	}
	for i, c := range p.Commands {
		text := c.Old.String() + " " + c.New.String() + " " + c.Ref
		if i == 0 {
			text += "\x00 " + caps.String()
		}
		dst = Append(dst, text)
	}
	dst = append(dst, FlushPacket...)
	if caps.Has(pushOptions) {
		for _, o := range p.Options {
			dst = Append(dst, o)
		}
		dst = append(dst, FlushPacket...)
	}
	return dst
}
