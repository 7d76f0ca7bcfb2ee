package gitgate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"

	"github.com/bot-bottle/bottle/dlp"
)

// defaultLFSObject bounds an object that is uploaded, where the manifest does not.
const defaultLFSObject = 1 << 30

// askUpload has the operator decide where pushes are asked about: objects leave
// before the push that names them, and with none at all if the client wants so.
func (v *visit) askUpload(b *lfsBatch) *refusal {
	if !v.repo.Push.Ask {
		return nil
	}
	var bytes int64
	sum := sha256.New()
	var listed []string
	for i, o := range b.Objects {
		line := fmt.Sprintf("%s of %d bytes", o.OID, o.Size)
		_, _ = io.WriteString(sum, line+"\n") // never fails
		bytes += min(o.Size, math.MaxInt64-bytes)
		if i < maxListed {
			listed = append(listed, "  "+line)
		}
	}
	// The whole sum, so that no two questions about other objects are one.
	detail := append([]string{fmt.Sprintf("upload %d objects of LFS, %d bytes (list %x):", len(b.Objects), bytes, sum.Sum(nil))}, listed...)
	if more := len(b.Objects) - maxListed; more > 0 {
		detail = append(detail, fmt.Sprintf("  and %d more", more))
	}
	if why := v.call.Ask(v.ctx, "PUSH", v.rule(), v.findings, detail); why != "" {
		return &refusal{http.StatusForbidden, rulePush, why, false}
	}
	return nil
}

// maxListed is how many objects a question lists.
const maxListed = 20

// upload takes in an object, has it scanned, and passes it on when all of it is
// known to be what it is named after.
func (v *visit) upload(up *httpUpstream, t ticket) {
	if err := v.g.spools.Acquire(v.ctx, 1); err != nil { // the client is gone
		v.refuseLFS(uploadRefusal(err))
		return
	}
	defer v.g.spools.Release(1)
	file, err := v.spool(t)
	if err == nil {
		defer func() { _ = file.Close() }()
		err = v.scanFile(file, t)
	}
	if err != nil {
		v.refuseLFS(uploadRefusal(err))
		return
	}
	if r := v.allow(); r != nil {
		v.refuseLFS(r)
		return
	}
	resp, err := v.send(up, t, http.MethodPut, io.NewSectionReader(file, 0, t.size), t.size)
	if err != nil {
		v.refuseLFS(v.upstreamRefusal(err))
		return
	}
	_ = resp.Body.Close()
	v.writeJSON(http.StatusOK, struct{}{})
	v.end(nil)
}

// stoppedError is why an object does not leave.
type stoppedError struct{ rule, text string }

func (e *stoppedError) Error() string { return e.text }

// uploadRefusal is a 403: git-lfs takes a 422 for an object that it can do without,
// and goes on with the push. It tries again some times, unless it is configured as
// by ClientConfig.
func uploadRefusal(err error) *refusal {
	if s, ok := err.(*stoppedError); ok { //nolint:errorlint // it is never wrapped
		return &refusal{http.StatusForbidden, s.rule, s.text, false}
	}
	return &refusal{http.StatusForbidden, ruleProtocol, "the object cannot be taken: " + err.Error() + ".", false}
}

// spool keeps the body in a file without a name.
func (v *visit) spool(t ticket) (*os.File, error) {
	most := v.repo.Push.MaxPack
	if most == 0 {
		most = defaultLFSObject
	}
	if t.size > most {
		return nil, &stoppedError{rulePush, fmt.Sprintf("the object has %d bytes, and at most %d are accepted; the operator can change git: limits in bottle.yaml", t.size, most)}
	}
	file, err := os.CreateTemp(v.g.opt.TempDir, "bottle-lfs-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return nil, err
	}
	n, err := io.Copy(file, io.LimitReader(v.r.Body, t.size+1))
	if err == nil && n != t.size {
		err = fmt.Errorf("it has not the %d bytes that were announced", t.size)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// scanFile looks for what must not leave, and checks the name.
func (v *visit) scanFile(file *os.File, t ticket) error {
	sc := v.call.Scanner()
	defer v.call.Release(sc)
	sum := sha256.New()
	var stopped *stoppedError
	judge := func(found []dlp.Finding) {
		if len(found) == 0 {
			return
		}
		events, rule, why := v.call.Judge(found, "lfs")
		if len(v.findings) < maxEventFindings {
			v.findings = append(v.findings, events...)
		}
		if why != "" && stopped == nil {
			stopped = &stoppedError{rule, why}
		}
	}
	buf := make([]byte, copyBuffer)
	for r := io.NewSectionReader(file, 0, t.size); ; {
		n, err := r.Read(buf)
		sum.Write(buf[:n])
		judge(sc.Write(buf[:n]))
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := v.ctx.Err(); err != nil {
			return err
		}
	}
	judge(sc.Close())
	switch {
	case stopped != nil:
		return stopped
	case hex.EncodeToString(sum.Sum(nil)) != t.oid:
		return fmt.Errorf("it is not the object %s", t.oid[:12])
	}
	return nil
}
