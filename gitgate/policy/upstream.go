package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pack"
	"github.com/bot-bottle/bottle/gitgate/scan"
)

// Upstream is the server that a push goes to.
type Upstream interface {
	// Fetch asks for objects, as the command fetch of gitprotocol-v2(5) does. The
	// pack must stand alone: thin-pack is not asked for. The caller closes it.
	Fetch(ctx context.Context, q Query) (*pack.Pack, error)
}

// Query is what is asked of an Upstream, in the words of the protocol.
type Query struct {
	// Want are objects of any kind that the server has.
	Want []oid.ID
	// Have are commits of which the server leaves out what they lead to.
	Have []oid.ID
	// Depth is "deepen", if it is not 0.
	Depth int
	// Filter is "filter", if it is not "".
	Filter string
}

// What is asked of an Upstream for one push.
const (
	maxFetches = 32
	maxWant    = 1024
)

// errTooMuch is for a push that could not be decided without asking for more.
var errTooMuch = errors.New("the decision needs more of the server's objects than are asked for: push fewer commits at once")

// store has the objects of a push, and those of the server that were needed.
type store struct {
	ctx     context.Context
	up      Upstream
	pushed  *pack.Pack
	packs   []*pack.Pack // pushed among them, and the first
	memory  *memory
	recent  Recent
	fetches int
	partly  []oid.ID // commits of the server of which not all folders are at hand
	folders int      // that were asked for one by one
	commits map[oid.ID]*commit
}

// commit is what is kept of one.
type commit struct {
	id      oid.ID
	tree    oid.ID
	parents []oid.ID
}

func newStore(ctx context.Context, pushed *pack.Pack, up Upstream, m *memory) *store {
	s := &store{ctx: ctx, up: up, pushed: pushed, memory: m, commits: map[oid.ID]*commit{}}
	if pushed != nil {
		s.packs = append(s.packs, pushed)
	}
	return s
}

// close closes what was fetched.
func (s *store) close() {
	for _, p := range s.packs {
		if p != s.pushed {
			_ = p.Close() // nothing was written that could be lost
		}
	}
}

// fetch asks the server.
func (s *store) fetch(q Query) error {
	if s.fetches++; s.fetches > maxFetches || len(q.Want) > maxWant {
		return errTooMuch
	}
	p, err := s.up.Fetch(s.ctx, q)
	if err != nil {
		return fmt.Errorf("ask the server for what is compared with the push: %w", err)
	}
	s.packs = append(s.packs, p)
	return nil
}

// kind returns what an object is, if it is at hand.
func (s *store) kind(id oid.ID) (object.Kind, bool) {
	for _, p := range s.packs {
		if n, ok := p.Find(id); ok {
			return p.Kind(n), true
		}
	}
	k, ok := s.memory.get(id)
	return k.kind, ok
}

// has reports whether an object is at hand.
func (s *store) has(id oid.ID) bool {
	_, ok := s.kind(id)
	return ok
}

// new reports whether an object comes with the push.
func (s *store) new(id oid.ID) bool {
	_, ok := s.pushed.Find(id)
	return ok
}

// find returns the pack that has an object, and its number there, or no pack if it is
// remembered. The server is asked for what is not at hand.
func (s *store) find(id oid.ID, kind object.Kind) (p *pack.Pack, n int, err error) {
	if kind == object.Tree && !s.has(id) {
		if err := s.fetchRest(); err != nil {
			return nil, 0, err
		}
	}
	if !s.has(id) {
		if err := s.fetch(Query{Want: []oid.ID{id}, Depth: depthOf(kind), Filter: filterOf(kind)}); err != nil {
			return nil, 0, err
		}
	}
	for _, p := range s.packs {
		if n, ok := p.Find(id); ok {
			if p.Kind(n) != kind {
				err = errKind(id, p.Kind(n), kind)
			}
			return p, n, err
		}
	}
	return nil, 0, nil
}

// read returns the content of an object that is no file: see copy.
func (s *store) read(id oid.ID, kind object.Kind) ([]byte, error) {
	p, n, err := s.find(id, kind)
	if err != nil {
		return nil, err
	}
	if p != nil {
		b, err := p.Read(nil, n)
		if err == nil {
			s.note(p, kept{id, kind, b})
		}
		return b, err
	}
	k, ok := s.memory.get(id)
	switch {
	case !ok:
		return nil, errNotSent(id, kind)
	case k.kind != kind:
		return nil, errKind(id, k.kind, kind)
	}
	return k.content, nil
}

// copy writes a file to w, in pieces if it is large.
func (s *store) copy(w io.Writer, id oid.ID) error {
	p, n, err := s.find(id, object.Blob)
	switch {
	case err != nil:
		return err
	case p == nil:
		return errNotSent(id, object.Blob)
	}
	return p.Copy(w, n)
}

// readShort returns a file of at most so many bytes; ok is false for a longer one.
func (s *store) readShort(id oid.ID, most int64) (b []byte, ok bool, err error) {
	p, n, err := s.find(id, object.Blob)
	switch {
	case err != nil:
		return nil, false, err
	case p == nil:
		return nil, false, errNotSent(id, object.Blob)
	case p.Size(n) > most:
		return nil, false, nil
	}
	b, err = p.Read(nil, n)
	return b, true, err
}

func errNotSent(id oid.ID, kind object.Kind) error {
	return fmt.Errorf("the server has not sent the %s %s", kind, id.Short())
}

// maxFolders are asked for one by one, before all are that the push builds on.
const maxFolders = 2

// fetchRest asks for the folders of the commits at the edge, if many are looked into.
func (s *store) fetchRest() error {
	if s.folders++; s.folders <= maxFolders || len(s.partly) == 0 {
		return nil
	}
	want := s.partly
	s.partly = nil
	return s.fetch(Query{Want: want, Depth: 1, Filter: withoutBlobs})
}

func errKind(id oid.ID, is, belongs object.Kind) error {
	return fmt.Errorf("%s is a %s where a %s belongs", id.Short(), is, belongs)
}

// note keeps an object for later decisions. One of the push waits for Remember.
func (s *store) note(from *pack.Pack, k kept) {
	switch {
	case k.kind == object.Blob:
	case from == s.pushed:
		s.recent.add(k)
	default:
		s.memory.add(k)
	}
}

// withoutBlobs and onlyCommits are filters of git-rev-list(1).
const (
	withoutBlobs = "blob:none"
	onlyCommits  = "tree:0"
)

func filterOf(kind object.Kind) string {
	if kind == object.Blob {
		return ""
	}
	return withoutBlobs
}

func depthOf(kind object.Kind) int {
	if kind == object.Commit {
		return 1
	}
	return 0
}

// commit returns a commit that is at hand or, where it is not, what the server has.
func (s *store) commit(id oid.ID) (*commit, error) {
	if c := s.commits[id]; c != nil {
		return c, nil
	}
	b, err := s.read(id, object.Commit)
	if err != nil {
		return nil, err
	}
	info, err := object.ParseCommit(b, id.Format())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", id.Short(), err)
	}
	c := &commit{id: id, tree: info.Tree, parents: info.Parents}
	s.commits[id] = c
	return c, nil
}

// remembered is how many of the last commits of a push are read, with what they
// change, for the next push to build on.
const remembered = 16

// newCommits returns the commits of the push, the oldest first where git orders
// them as it does. What a scan has of them is not read again.
func (s *store) newCommits(scanned *scan.Scan) (list []*commit, err error) {
	if s.pushed == nil {
		return nil, nil
	}
	if scanned != nil {
		s.scanned(scanned.Commits())
	}
	for n := s.pushed.Len() - 1; n >= 0; n-- {
		if s.pushed.Kind(n) != object.Commit {
			continue
		}
		c, err := s.commit(s.pushed.ID(n))
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	for _, c := range list[max(0, len(list)-remembered):] {
		if _, err := s.read(c.id, object.Commit); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// scanned takes over what is known of commits.
func (s *store) scanned(commits []scan.Commit) {
	for _, c := range commits {
		id := s.pushed.ID(c.Object)
		s.commits[id] = &commit{id: id, tree: c.Tree, parents: c.Parents}
	}
}

// edge returns the parents of commits that do not come with the push: where the
// server's history begins.
func (s *store) edge(commits []*commit) (list []oid.ID) {
	seen := map[oid.ID]bool{}
	for _, c := range commits {
		for _, id := range c.parents {
			if !seen[id] && !s.new(id) {
				seen[id] = true
				list = append(list, id)
			}
		}
	}
	return list
}

// fetchEdge asks for the commits at the edge, with their trees. Those whose tree no
// commit on them changes need none.
func (s *store) fetchEdge(edge []oid.ID, commits []*commit) error {
	changed := func(parent *commit) bool {
		return slices.ContainsFunc(commits, func(c *commit) bool { return c.tree != parent.tree && slices.Contains(c.parents, parent.id) })
	}
	want := slices.DeleteFunc(slices.Clone(edge), func(id oid.ID) bool {
		if !s.has(id) {
			return false
		}
		c, err := s.commit(id)
		if err != nil || !s.has(c.tree) && changed(c) {
			return false
		}
		s.partly = append(s.partly, id)
		return true
	})
	if len(want) == 0 {
		return nil
	}
	return s.fetch(Query{Want: want, Depth: 1, Filter: withoutBlobs})
}
