package workspace

import (
	"fmt"
	"os"
	"regexp"
)

// pullMark is what is added to the name of a base for a file that is there while a pull
// writes, and stays when it is killed.
const pullMark = ".pulling"

// partName is what a file is called while it is written. The text is random: nobody
// else has one of that name.
func partName(id, text string) string { return ".bottle-" + id + "-" + text + ".part" }

// begin notes that a pull writes, and whether one was stopped before.
func (h *hostTree) begin(mark string) (done func(), err error) {
	_, err = os.Lstat(mark)
	h.stopped, h.swept = err == nil, map[ident]bool{}
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		return nil, fmt.Errorf("note that a pull began: %w", err)
	}
	return func() { _ = os.Remove(mark) }, nil
}

// sweep removes what a pull of this bottle that was killed left of files in a folder.
// Only one pull of a bottle runs at a time.
func (h *hostTree) sweep(d *dir) {
	st, err := d.stat()
	if !h.stopped || err != nil || h.swept[st.ident] {
		return
	}
	h.swept[st.ident] = true
	names, err := d.entries()
	if err != nil {
		return
	}
	// 26 letters of base32 are what crypto/rand.Text returns.
	part := regexp.MustCompile("^" + regexp.QuoteMeta(".bottle-"+h.id+"-") + `[A-Z2-7]{26}\.part$`)
	for _, name := range names {
		if st, err := d.lstat(name); err == nil && st.isRegular() && part.MatchString(name) {
			_ = d.unlink(name) // what stays does no harm
		}
	}
}
