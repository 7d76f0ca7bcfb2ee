package gitgate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pack"
	"github.com/bot-bottle/bottle/gitgate/pktline"
	"github.com/bot-bottle/bottle/gitgate/policy"
)

// objects asks the server for what a decision compares a push with.
type objects struct {
	*visit
	format  oid.Format
	offer   *fetchOffer
	reserve func(bytes int64) error // memory
}

// fetchOffer is what a server can do for a fetch.
type fetchOffer struct {
	second bool // version 2 of the protocol
	caps   pktline.Capabilities
}

// maxCompared bounds what is fetched for one question, in bytes, and comparedCache
// what of it is kept unpacked, which is beside the push itself.
const (
	maxCompared   = 256 << 20
	comparedCache = 1 << 20
)

// Fetch implements policy.Upstream.
func (o *objects) Fetch(ctx context.Context, q policy.Query) (*pack.Pack, error) {
	if o.offer == nil {
		offer, err := o.ask(ctx)
		if err != nil {
			return nil, err
		}
		o.offer = offer
	}
	req := serviceRequest{repo: o.repo.Path, service: uploadPack}
	body := o.oldRequest(q)
	if o.offer.second {
		body, req.protocol = o.request(q), "version=2"
	}
	req.body, req.size = func() io.Reader { return bytes.NewReader(body) }, int64(len(body))
	answer, err := o.host.upstream.call(ctx, o.call, req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Close() }()
	r := bufio.NewReaderSize(answer, copyBuffer)
	packets := pktline.NewReader(r)
	if err := o.toPack(packets, q); err != nil {
		return nil, err
	}
	return pack.Receive(ctx, pktline.NewDemux(packets, nil), pack.Options{Format: o.format, Dir: o.g.opt.TempDir, Now: o.g.opt.Now, Limits: pack.Limits{Pack: maxCompared, Cache: comparedCache}, Reserve: o.reserve})
}

// ask finds out what the server offers.
func (o *objects) ask(ctx context.Context) (*fetchOffer, error) {
	body, err := o.host.upstream.advertise(ctx, o.call, o.repo.Path, uploadPack, "version=2")
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	offer := &fetchOffer{}
	r := pktline.NewReader(body)
	for n := 0; n < pktline.MaxCapabilities; n++ {
		kind, payload, err := r.Next()
		switch text := strings.TrimSuffix(string(payload), "\n"); {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case err != nil || kind != pktline.Data:
			return offer, nil
		case n == 0 && text == "version 2":
			offer.second = true
		case n == 0:
			_, caps, _ := strings.Cut(text, "\x00")
			offer.caps, err = pktline.ParseCapabilities(caps)
			return offer, err
		case strings.HasPrefix(text, "fetch="):
			if offer.caps, err = pktline.ParseCapabilities(strings.TrimPrefix(text, "fetch=")); err != nil {
				return nil, err
			}
		}
	}
	return offer, nil
}

// request is a question in version 2 of the protocol. A server that knows no
// filters sends more.
func (o *objects) request(q policy.Query) []byte {
	b := pktline.Append(nil, "command=fetch\n")
	b = pktline.Append(b, "agent="+o.g.opt.Agent+"\n")
	b = pktline.Append(b, "object-format="+o.format.String()+"\n")
	b = append(b, pktline.DelimPacket...)
	b = pktline.Append(b, "no-progress\n")
	b = pktline.Append(b, "ofs-delta\n")
	for _, id := range q.Want {
		b = pktline.Append(b, "want "+id.String()+"\n")
	}
	for _, id := range q.Have {
		b = pktline.Append(b, "have "+id.String()+"\n")
	}
	if q.Depth > 0 && o.offer.caps.Has("shallow") {
		b = pktline.Append(b, "deepen "+strconv.Itoa(q.Depth)+"\n")
	}
	if q.Filter != "" && o.offer.caps.Has("filter") {
		b = pktline.Append(b, "filter "+q.Filter+"\n")
	}
	b = pktline.Append(b, "done\n")
	return append(b, pktline.FlushPacket...)
}

// oldRequest is a question in the first version, which servers speak over ssh that
// do not take the variable GIT_PROTOCOL.
func (o *objects) oldRequest(q policy.Query) []byte {
	caps := o.offer.caps.Only("shallow", "filter")
	caps = append(caps, "side-band-64k", "ofs-delta", "no-progress", "agent="+o.g.opt.Agent)
	if o.offer.caps.Has("object-format") {
		caps = append(caps, "object-format="+o.format.String())
	}
	var b []byte
	for i, id := range q.Want {
		line := "want " + id.String()
		if i == 0 {
			line += " " + caps.String()
		}
		b = pktline.Append(b, line+"\n")
	}
	if q.Depth > 0 && caps.Has("shallow") {
		b = pktline.Append(b, "deepen "+strconv.Itoa(q.Depth)+"\n")
	}
	if q.Filter != "" && caps.Has("filter") {
		b = pktline.Append(b, "filter "+q.Filter+"\n")
	}
	b = append(b, pktline.FlushPacket...)
	for _, id := range q.Have {
		b = pktline.Append(b, "have "+id.String()+"\n")
	}
	return pktline.Append(b, "done\n")
}

// maxBeforePack bounds the packets before a pack.
const maxBeforePack = 1 << 16

// toPack reads up to where the pack begins, in the bands.
func (o *objects) toPack(r *pktline.Reader, q policy.Query) error {
	shallow := !o.offer.second && q.Depth > 0 && o.offer.caps.Has("shallow")
	for range maxBeforePack {
		kind, payload, err := r.Next()
		text := string(payload)
		switch {
		case err != nil:
			return readError(err)
		case kind == pktline.Data && strings.HasPrefix(text, "ERR "):
			return fmt.Errorf("the server says: %s", pktline.CleanReason(text[4:]))
		case o.offer.second && text == "packfile\n":
			return nil
		case o.offer.second:
		case shallow:
			shallow = kind != pktline.Flush
		case strings.HasPrefix(text, "NAK") || strings.HasPrefix(text, "ACK "):
			if !strings.HasSuffix(strings.TrimSpace(text), " common") {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: no pack is in the answer", pktline.ErrMalformed)
}
