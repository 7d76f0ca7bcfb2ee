package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// SigV4 says of a secret that it is the secret access key of AWS. It goes into no
// place of a request: what the client signed with its placeholder is signed anew.
// (AWS Signature Version 4, in headers or in the query of a presigned URL.)
type SigV4 struct {
	// KeyID and Token are the names of the secrets that are the access key's ID and
	// its session token; Token is "" for a key without one.
	KeyID, Token string
	// Regions and Services are those that the client's credential scope may name.
	Regions, Services []string
	// STS are the actions of the service sts that are signed beside those that give
	// out no credentials: what the others answer can be used elsewhere, past the
	// proxy, by whoever has it.
	STS []string
}

// maxSignedBody bounds a body that is held because its hash has to be known before it
// is sent: one without a hash of the client's, or in which something is replaced.
const maxSignedBody = 16 << 20

// The algorithms that the field Authorization, or the query, can name.
const (
	awsAlgorithm    = "AWS4-HMAC-SHA256"
	awsAsymmetric   = "AWS4-ECDSA-P256-SHA256"
	awsTime         = "20060102T150405Z"
	awsHash         = "X-Amz-Content-Sha256"
	awsSessionField = "X-Amz-Security-Token"
	awsUnsigned     = "UNSIGNED-PAYLOAD"
)

// awsClaim is what a client says of its signature.
type awsClaim struct {
	query           bool // it is in the URL
	date            time.Time
	expires         string // of a URL: how many seconds from the date on it is good
	region, service string
	headers         []string // that it signed
}

// sign signs anew what the client signed with a placeholder. Its access key's ID has
// become the real one by then, as any placeholder has.
func (x *exchange) sign() *denial {
	for _, st := range x.snap.secrets {
		if st.Inject.SigV4 == nil {
			continue
		}
		if x.inHead(x.snap.secret(st.Inject.SigV4.KeyID)) == nil {
			continue
		}
		if d := x.signWith(st); d != nil {
			return d
		}
		x.signed = true
	}
	return nil
}

func (x *exchange) signWith(st *secretState) *denial {
	claim, err := claimOf(x.out)
	if err == nil {
		err = claim.fits(st.Inject.SigV4, x.target.Host)
	}
	if err == nil {
		err = claim.timely(x.s.opts.Now())
	}
	if err != nil {
		return denySignature(st, err)
	}
	if claim.service == "sts" {
		if d := x.harmlessSTS(st); d != nil {
			return d
		}
	}
	creds, d := x.awsCredentials(st)
	if d != nil {
		return d
	}
	hash, d := x.payloadHash(st, claim)
	if d != nil {
		return d
	}
	signature, err := claim.sign(x.out, creds, hash)
	if err != nil {
		return denySignature(st, err)
	}
	if x.chunks != nil && strings.HasPrefix(hash, awsStreaming) {
		if d := x.reserve(2 * maxSignedChunk); d != nil { // a chunk that is held, and with its signature
			return d
		}
		x.chunks.sign = newChunkSigner(creds, claim, signature, strings.HasSuffix(hash, awsTrailer))
	}
	return nil
}

func denySignature(st *secretState, err error) *denial {
	return &denial{status: http.StatusForbidden, rule: "sigv4", message: fmt.Sprintf(
		"the request is signed with the placeholder of the secret %s and cannot be signed with the credential: %v. It was not sent. %s", st.Name, err, advice)}
}

// awsCredentials takes the parts of the credential. The session token is had whether
// or not the client sent its placeholder.
func (x *exchange) awsCredentials(st *secretState) (c aws.Credentials, d *denial) {
	of := st.Inject.SigV4
	c.AccessKeyID = x.inHead(x.snap.secret(of.KeyID)).value
	if c.SecretAccessKey, d = x.credential(st, "a signature"); d != nil {
		return c, d
	}
	if of.Token != "" {
		c.SessionToken, d = x.credential(x.snap.secret(of.Token), inHeader(awsSessionField))
	}
	return c, d
}

// claimOf reads a signature's own description, from the header or the query.
func claimOf(r *http.Request) (c awsClaim, err error) {
	fields := map[string]string{}
	algorithm, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	date := r.Header.Get("X-Amz-Date")
	if q := r.URL.Query(); q.Has("X-Amz-Signature") {
		c.query, algorithm, date = true, q.Get("X-Amz-Algorithm"), q.Get("X-Amz-Date")
		c.expires = q.Get("X-Amz-Expires")
		fields["Credential"], fields["SignedHeaders"] = q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders")
	}
	for f := range strings.SplitSeq(rest, ",") {
		if name, value, ok := strings.Cut(strings.TrimSpace(f), "="); ok && !c.query {
			fields[name] = value
		}
	}
	switch algorithm {
	case awsAlgorithm:
	case awsAsymmetric:
		return c, errors.New("it is signed with SigV4a (" + awsAsymmetric + "), which is not supported: have the client sign for one region, without multi-region access points")
	default:
		return c, fmt.Errorf("it is no signature of %s", awsAlgorithm)
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return c, errors.New("its credential scope is not ID/DATE/REGION/SERVICE/aws4_request")
	}
	c.region, c.service = scope[2], scope[3]
	c.headers = strings.Split(fields["SignedHeaders"], ";")
	if c.date, err = time.Parse(awsTime, date); err != nil {
		if c.date, err = http.ParseTime(r.Header.Get("Date")); err != nil {
			return c, errors.New("it has no date of the form of X-Amz-Date")
		}
	}
	return c, nil
}

// regionName is a label of a host's name that is a region, as in
// s3.eu-central-1.amazonaws.com.
var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)

// fits holds the scope to what the secret is for, and to the region that the host's
// name says: a signature for one must not be made for another.
func (c awsClaim) fits(of *SigV4, host string) error {
	switch {
	case !slices.Contains(of.Regions, c.region):
		return fmt.Errorf("its scope names the region %s, and the credential is for %s only", headerText(c.region), strings.Join(of.Regions, ", "))
	case !slices.Contains(of.Services, c.service):
		return fmt.Errorf("its scope names the service %s, and the credential is for %s only", headerText(c.service), strings.Join(of.Services, ", "))
	}
	for label := range strings.SplitSeq(host, ".") {
		if regionName.MatchString(label) && label != c.region && isAWS(host) {
			return fmt.Errorf("its scope names the region %s, and %s is in %s", headerText(c.region), host, label)
		}
	}
	return nil
}

func isAWS(host string) bool {
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn") || strings.HasSuffix(host, ".api.aws")
}

// isS3 is for the service that takes bodies which are not signed, or chunk by chunk,
// and whose paths are escaped once.
func (c awsClaim) isS3() bool {
	return slices.Contains([]string{"s3", "s3express", "s3-object-lambda", "s3-outposts"}, c.service)
}

// payloadHash is the hash that is signed for the body. The client's own counts as long
// as the body leaves as it came: if it is wrong, the upstream says so.
func (x *exchange) payloadHash(st *secretState, c awsClaim) (string, *denial) {
	said := x.out.Header.Get(awsHash)
	switch {
	case said == "" && c.query && c.isS3():
		return awsUnsigned, nil
	case said == awsUnsigned || slices.Contains(awsStreamings, said):
		if !c.isS3() {
			return "", denySignature(st, fmt.Errorf("its payload is %s, which is for S3 only", said))
		}
		if said != awsUnsigned && x.chunks == nil {
			return "", denySignature(st, fmt.Errorf("its payload is %s, and it has no body", said))
		}
		return said, nil
	case said != "" && !isSHA256(said):
		return "", denySignature(st, fmt.Errorf("its payload is %s, which is not supported", headerText(said)))
	}
	if said != "" && x.out.GetBody == nil && !x.body.altered {
		return said, nil
	}
	hash, d := x.hashBody(st)
	if d == nil && said != "" {
		x.out.Header.Set(awsHash, hash)
	}
	return hash, d
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

// hashBody hashes the body as it leaves, which is held whole for that.
func (x *exchange) hashBody(st *secretState) (string, *denial) {
	sum := func(b []byte) string {
		s := sha256.Sum256(b)
		return hex.EncodeToString(s[:])
	}
	if x.out.Body == nil || x.out.Body == http.NoBody {
		return sum(nil), nil
	}
	if x.out.GetBody == nil {
		large := &denial{status: http.StatusRequestEntityTooLarge, rule: "sigv4", message: fmt.Sprintf(
			"the request body has more than %d MiB, and the signature with the secret %s needs its hash first. Send it with X-Amz-Content-Sha256, or in parts.", maxSignedBody>>20, st.Name)}
		if d := x.hold(maxSignedBody, large); d != nil {
			return "", d
		}
	}
	body, err := x.out.GetBody()
	if err != nil {
		return "", badBody("cannot be read again")
	}
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		return "", badBody("cannot be read again")
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sign puts a signature into the request and returns it. Of the headers those are
// signed that the client signed, as they leave.
func (c awsClaim) sign(out *http.Request, creds aws.Credentials, hash string) (string, error) {
	r := out.Clone(out.Context())
	r.Header = http.Header{}
	r.ContentLength = 0 // which is signed where it is more
	for _, name := range c.headers {
		if name = http.CanonicalHeaderKey(name); out.Header[name] != nil {
			r.Header[name] = out.Header[name]
		}
		if name == "Content-Length" {
			r.ContentLength = out.ContentLength
		}
	}
	r.Header.Del(awsSessionField)
	out.Header.Del(awsSessionField)
	signer := v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping, o.DisableHeaderHoisting = c.isS3(), true
	})
	if c.query {
		return c.presign(signer, out, r, creds, hash)
	}
	if err := signer.SignHTTP(out.Context(), creds, r, hash, c.service, c.region, c.date); err != nil {
		return "", err
	}
	out.Host = r.Host // without a port that goes without saying, as it was signed
	for _, name := range []string{"Authorization", "X-Amz-Date", awsSessionField} {
		if v := r.Header.Get(name); v != "" {
			out.Header.Set(name, v)
		}
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	return signature, nil
}

func (c awsClaim) presign(signer *v4.Signer, out, r *http.Request, creds aws.Credentials, hash string) (string, error) {
	q := r.URL.Query()
	for _, name := range []string{"Algorithm", "Credential", "Date", "SignedHeaders", "Signature", "Security-Token"} {
		q.Del("X-Amz-" + name)
	}
	u := *r.URL
	r.URL, u.RawQuery = &u, q.Encode()
	signed, _, err := signer.PresignHTTP(out.Context(), creds, r, hash, c.service, c.region, c.date)
	if err != nil {
		return "", err
	}
	_, query, _ := strings.Cut(signed, "?")
	out.URL.RawQuery = query
	values, err := url.ParseQuery(query)
	return values.Get("X-Amz-Signature"), err
}
