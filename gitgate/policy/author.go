package policy

import (
	"bytes"
	"fmt"

	"github.com/bot-bottle/bottle/gitgate/object"
)

// describe says who commits must be by; "" for anyone.
func (a Author) describe() string {
	text := ""
	if a.Name != "" || a.Email != "" {
		text = fmt.Sprintf("author and committer of each commit: %s <%s>", or(a.Name, "anyone"), or(a.Email, "any address"))
	}
	if a.SignedOff {
		if text != "" {
			text += "; "
		}
		text += "each commit signed off by its author (git commit -s)"
	}
	return text
}

func or(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

// checkAuthors looks at who the commits are by.
func (x *check) checkAuthors(commits []*commit) error {
	a := x.policy.rules.Author
	if a == (Author{}) {
		return nil
	}
	for _, c := range commits {
		b, err := x.store.read(c.id, object.Commit)
		if err != nil {
			return err
		}
		info, err := object.ParseCommit(b, c.id.Format())
		if err != nil {
			return err
		}
		if why := a.wrong(info); why != "" {
			x.refusal.place(Place{Commit: c.id, Rule: RuleAuthor, Why: why})
			x.authors = true
		}
		if x.refusal.more > 0 {
			return nil
		}
	}
	return nil
}

// wrong says why a commit may not be by who it is.
func (a Author) wrong(c *object.CommitInfo) string {
	switch {
	case !a.is(c.Author):
		return "its author is not the one that is asked for"
	case !a.is(c.Committer):
		return "its committer is not the one that is asked for"
	case a.SignedOff && !signedOff(c.Message, c.Author.Email):
		return "its author has not signed it off"
	}
	return ""
}

func (a Author) is(p object.Person) bool {
	return (a.Name == "" || a.Name == string(p.Name)) && (a.Email == "" || a.Email == string(p.Email))
}

// signedOff looks for the line in the last paragraph.
func signedOff(message, email []byte) bool {
	message = bytes.TrimRight(message, "\n ")
	if i := bytes.LastIndex(message, []byte("\n\n")); i >= 0 {
		message = message[i+2:]
	}
	for line := range bytes.Lines(message) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("Signed-off-by: ")) && bytes.HasSuffix(line, []byte(" <"+string(email)+">")) {
			return true
		}
	}
	return false
}
