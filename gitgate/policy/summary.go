package policy

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bot-bottle/bottle/gitgate/object"
	"github.com/bot-bottle/bottle/gitgate/oid"
	"github.com/bot-bottle/bottle/gitgate/pktline"
)

// What a summary has of each.
const (
	summaryRefs     = 10
	summarySubjects = 5
	summaryFiles    = 20
	summaryOptions  = 10
	// maxSummaryFiles bounds the files that are counted.
	maxSummaryFiles = 100_000
)

// Summarise says in some lines what a push does, for who is to decide about it:
// the refs with their objects, the commits, and the files that these add, change
// and remove. Two pushes have the same lines only if they are for the same objects,
// with the same options.
// Names and messages are the client's; credentials and what a terminal would obey
// are left out of them.
func (p *Policy) Summarise(ctx context.Context, push Push) ([]string, error) {
	x := &check{Push: push, policy: p, store: newStore(ctx, push.Pack, push.Upstream, &p.memory), hidden: map[string]bool{}}
	defer x.store.close()
	var lines []string
	for _, c := range push.Commands[:min(len(push.Commands), summaryRefs)] {
		lines = append(lines, describeCommand(c))
	}
	if more := len(push.Commands) - summaryRefs; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d refs more: %s", more, digest(push.Commands[summaryRefs:])))
	}
	lines = append(lines, x.describeOptions()...)
	commits, err := x.store.newCommits(x.Scan)
	if err != nil || len(commits) == 0 {
		return lines, err
	}
	if err := x.needEdge(commits); err != nil {
		return nil, err
	}
	said, err := x.describeCommits(commits)
	if err != nil {
		return nil, err
	}
	files, err := x.describeFiles(commits)
	return append(append(lines, said...), files...), err
}

// describeCommand has the whole IDs: it is what tells two pushes apart.
func describeCommand(c pktline.Command) string {
	switch {
	case c.Delete():
		return fmt.Sprintf("delete %s, which is %s", c.Ref, c.Old)
	case c.Create():
		return fmt.Sprintf("create %s as %s", c.Ref, c.New)
	}
	return fmt.Sprintf("move %s from %s to %s", c.Ref, c.Old, c.New)
}

// describeOptions has push options, which programs at the server act by.
func (x *check) describeOptions() (lines []string) {
	for _, o := range x.Options[:min(len(x.Options), summaryOptions)] {
		lines = append(lines, "with the option "+x.show([]string{o}))
	}
	if len(x.Options) > 0 {
		sum := oid.SHA256.New()
		for _, o := range x.Options {
			sum.Write([]byte(o + "\n")) // of which an option has none
		}
		lines = append(lines, fmt.Sprintf("%d options in all: %s", len(x.Options), oid.SHA256.From(sum.Sum(nil))))
	}
	return lines
}

// digest stands for commands that are not listed.
func digest(commands []pktline.Command) string {
	sum := oid.SHA256.New()
	for _, c := range commands {
		sum.Write([]byte(describeCommand(c) + "\n"))
	}
	return oid.SHA256.From(sum.Sum(nil)).String()
}

// describeCommits has the last ones first.
func (x *check) describeCommits(commits []*commit) ([]string, error) {
	lines := []string{fmt.Sprintf("%d commits, the last of them:", len(commits))}
	if len(commits) == 1 {
		lines[0] = "1 commit:"
	}
	for i, c := range slices.Backward(commits) {
		if len(commits)-i > summarySubjects {
			break
		}
		b, err := x.store.read(c.id, object.Commit)
		if err != nil {
			return nil, err
		}
		info, err := object.ParseCommit(b, c.id.Format())
		if err != nil {
			return nil, err
		}
		subject, _, _ := bytes.Cut(info.Message, []byte("\n"))
		lines = append(lines, "  "+c.id.Short()+" "+x.show([]string{pktline.CleanReason(string(subject))}))
	}
	return lines, nil
}

// describeFiles counts each path once, by what the last commit has done with it.
func (x *check) describeFiles(commits []*commit) ([]string, error) {
	done := map[string]string{}
	for _, c := range commits {
		d := differ{store: x.store, enter: func([]string, oid.ID) bool { return true }}
		d.changed = func(path []string, e *object.Entry, before bool) error {
			what := "change"
			switch {
			case e == nil:
				what = "remove"
			case !before:
				what = "add"
			}
			if len(done) < maxSummaryFiles {
				done[strings.Join(path, "/")] = what
			}
			return nil
		}
		if err := d.commit(c); err != nil {
			return nil, err
		}
	}
	counts := map[string]int{}
	for _, what := range done {
		counts[what]++
	}
	files := "files"
	if len(done) == 1 {
		files = "file"
	}
	lines := []string{fmt.Sprintf("%d %s: %d added, %d changed, %d removed", len(done), files, counts["add"], counts["change"], counts["remove"])}
	for i, path := range slices.Sorted(maps.Keys(done)) {
		if i == summaryFiles {
			lines = append(lines, fmt.Sprintf("  and %d more", len(done)-i))
			break
		}
		lines = append(lines, "  "+done[path]+" "+x.show(strings.Split(path, "/")))
	}
	return lines, nil
}
