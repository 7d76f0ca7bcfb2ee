package proxy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/bot-bottle/bottle/dlp"
)

// The credential of the published vectors, in parts, and what the client holds.
const (
	awsSuiteID   = "AKIDEXAMPLE"
	awsSuiteKey  = "wJalrXUtnFEMI/K7MDENG+" + "bPxRfiCYEXAMPLEKEY"
	awsS3ID      = "AKIA" + "IOSFODNN7EXAMPLE"
	awsS3Key     = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
	awsToken     = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
	heldKey      = "pLaCeHoLdErPLACEHO/K7PLAC/" + "pLaCeHoLdErPLA"
	heldToken    = "1234567812345678123456781234567812345678123456781234567812345678"
	awsEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// awsSecrets are a credential of AWS with placeholders of the same lengths.
func awsSecrets(id, key, token string, of SigV4) []Secret {
	of.KeyID = "id"
	list := []Secret{
		fixedSecret("key", heldKey, key, Inject{SigV4: &of}),
		fixedSecret("id", heldID(id), id, Inject{Headers: []string{"Authorization"}, Query: []string{"X-Amz-Credential"}}),
	}
	if token != "" {
		of.Token = "token"
		list = append(list, fixedSecret("token", heldToken, token, Inject{Headers: []string{awsSessionField}, Query: []string{awsSessionField}}))
	}
	return list
}

// The times that requests of the tests are signed at.
var (
	awsSuiteTime  = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	awsChunksTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	awsClientTime = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
)

// clockAt has a server live at that time.
func clockAt(now time.Time) rigOption {
	return func(_ *rig, o *Options, _ *ListenOptions) { o.Now = func() time.Time { return now } }
}

// at has it live at another.
func (r *rig) at(now time.Time) *rig {
	r.server.opts.Now = func() time.Time { return now }
	return r
}

func heldID(id string) string { return "AKIDPLACEHOLDER00000"[:len(id)] }

func awsRoute(host string) Route { return Route{Host: host, Secrets: []string{"key", "id", "token"}} }

// awsRig has a plain upstream, so that it can have any name.
func awsRig(t *testing.T, up *upstreamLog, host, id, key, token string, of SigV4) *rig {
	t.Helper()
	r := newRig(t, up, Config{Secrets: awsSecrets(id, key, token, of)}, clockAt(awsSuiteTime))
	route := awsRoute(host)
	route.Upstream, route.Private = plainUpstream(t, up), true
	if token == "" {
		route.Secrets = route.Secrets[:2]
	}
	r.reroute(route)
	return r
}

// The published test suite of AWS Signature Version 4: what the client sends has the
// placeholder's ID and a signature that is wrong.
func TestSignaturesAreThoseOfTheTestSuite(t *testing.T) {
	const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const form = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
	tests := []struct {
		name, method, uri, body string
		header                  []string
		signed, signature       string
		token                   string
	}{
		{"get-vanilla", "GET", "/", "", nil, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", ""},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "", nil, "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500", ""},
		{"get-vanilla-query-unreserved", "GET", "/?" + unreserved + "=" + unreserved, "", nil, "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197", ""},
		{"get-vanilla-utf8-query", "GET", "/?%E1%88%B4=bar", "", nil, "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04", ""},
		{"get-unreserved", "GET", "/" + unreserved, "", nil, "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f", ""},
		{"get-header-value-trim", "GET", "/", "", []string{"My-Header1", "value1", "My-Header2", `"a   b   c"`}, "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736", ""},
		{"get-header-key-duplicate", "GET", "/", "", []string{"My-Header1", "value2", "My-Header1", "value2", "My-Header1", "value1"}, "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea", ""},
		{"get-vanilla-with-session-token", "GET", "/", "", []string{awsSessionField, heldToken}, "host;x-amz-date;x-amz-security-token", "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8", awsToken},
		{"post-vanilla", "POST", "/", "", nil, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b", ""},
		{"post-x-www-form-urlencoded", "POST", "/", "Param1=value1", []string{"Content-Type", "application/x-www-form-urlencoded", awsHash, form}, "content-length;content-type;host;x-amz-content-sha256;x-amz-date", "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := awsRig(t, up, "example.amazonaws.com", awsSuiteID, awsSuiteKey, tt.token, SigV4{Regions: []string{"us-east-1"}, Services: []string{"service"}})
			req := request(tt.method, "http://example.amazonaws.com"+tt.uri, tt.body)()
			for i := 0; i < len(tt.header); i += 2 {
				req.Header.Add(tt.header[i], tt.header[i+1])
			}
			status, body := r.do(signedAs(req, heldID(awsSuiteID), "service", tt.signed))
			if status != 200 {
				t.Fatalf("got %d %q", status, body)
			}
			want := "AWS4-HMAC-SHA256 Credential=" + awsSuiteID + "/20150830/us-east-1/service/aws4_request, SignedHeaders=" + tt.signed + ", Signature=" + tt.signature
			got := up.take()[0]
			if got.header.Get("Authorization") != want {
				t.Errorf("upstream got\n%s\nwant\n%s", got.header.Get("Authorization"), want)
			}
			if got.header.Get(awsSessionField) != tt.token {
				t.Errorf("the session token is %q", got.header.Get(awsSessionField))
			}
			if text := fmt.Sprintf("%+v", r.journal.all()); strings.Contains(text, awsSuiteKey) || strings.Contains(text, awsToken) {
				t.Errorf("a value is in the journal: %s", text)
			}
		})
	}
}

// signedAs says that a request is signed, with a signature that cannot be right.
func signedAs(req *http.Request, id, service, headers string) *http.Request {
	req.Header.Set("X-Amz-Date", "20150830T123600Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/20150830/us-east-1/"+service+"/aws4_request, SignedHeaders="+headers+", Signature="+strings.Repeat("0", 64))
	return req
}

func TestAPresignedURLIsSignedAnew(t *testing.T) {
	up := &upstreamLog{}
	r := awsRig(t, up, "example.amazonaws.com", awsSuiteID, awsSuiteKey, "", SigV4{Regions: []string{"us-east-1"}, Services: []string{"service"}})
	uri := "/?Param1=value1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F20150830%%2Fus-east-1%%2Fservice%%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature="
	status, body := r.get("http://example.amazonaws.com" + fmt.Sprintf(uri, heldID(awsSuiteID)) + strings.Repeat("0", 64))
	if status != 200 {
		t.Fatalf("got %d %q", status, body)
	}
	got := up.take()[0].uri
	wantStart := fmt.Sprintf(uri, awsSuiteID)
	if !strings.HasPrefix(got, wantStart) || strings.HasSuffix(got, "0000") {
		t.Fatalf("upstream got %s", got)
	}
	canonical := "GET\n/\n" + strings.TrimSuffix(strings.TrimPrefix(wantStart, "/?"), "&X-Amz-Signature=") + "\nhost:example.amazonaws.com\n\nhost\n" + awsEmptyHash
	if want := wantStart + awsSignature(awsSuiteKey, "20150830T123600Z", "us-east-1", "service", canonical); got != want {
		t.Errorf("upstream got\n%s\nwant\n%s", got, want)
	}
}

// awsSignature is written out here, beside the library that the proxy uses.
func awsSignature(key, date, region, service, canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{"AWS4-HMAC-SHA256", date, date[:8] + "/" + region + "/" + service + "/aws4_request", hex.EncodeToString(sum[:])}, "\n")
	out := []byte("AWS4" + key)
	for _, part := range []string{date[:8], region, service, "aws4_request", text} {
		mac := hmac.New(sha256.New, out)
		mac.Write([]byte(part))
		out = mac.Sum(nil)
	}
	return hex.EncodeToString(out)
}

// awsUpstream is one that verifies: it refuses what is not signed with its key, and a
// body that is not the one that was signed.
func awsUpstream(t *testing.T, key string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the body: %v", err)
		}
		sum := sha256.Sum256(body)
		hash := r.Header.Get(awsHash)
		if hash == "" {
			hash = hex.EncodeToString(sum[:])
		}
		_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
		signed, signature, _ := strings.Cut(rest, ", Signature=")
		var headers strings.Builder
		for name := range strings.SplitSeq(signed, ";") {
			v := strings.Join(r.Header.Values(name), ",")
			switch name {
			case "host":
				v = r.Host
			case "content-length":
				v = fmt.Sprint(r.ContentLength)
			}
			headers.WriteString(name + ":" + v + "\n")
		}
		canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, headers.String(), signed, hash}, "\n")
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		switch want := awsSignature(key, r.Header.Get("X-Amz-Date"), scope[2], scope[3], canonical); {
		case want != signature:
			http.Error(w, "SignatureDoesNotMatch "+canonical, http.StatusForbidden)
		case isSHA256(hash) && hash != hex.EncodeToString(sum[:]):
			http.Error(w, "XAmzContentSHA256Mismatch", http.StatusBadRequest)
		default:
			fmt.Fprintf(w, "verified %d bytes", len(body))
		}
	}
}

// clientSigned is a request as a client of AWS makes it, with the placeholders.
func clientSigned(t *testing.T, method, url, body, hash, service, region string) *http.Request {
	t.Helper()
	req := request(method, url, body)()
	if hash != "" {
		req.Header.Set(awsHash, hash)
	} else {
		sum := sha256.Sum256([]byte(body))
		hash = hex.EncodeToString(sum[:])
	}
	creds := aws.Credentials{AccessKeyID: heldID(awsS3ID), SecretAccessKey: heldKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, req, hash, service, region, awsClientTime); err != nil {
		t.Fatal(err)
	}
	return req
}

func TestAnUpstreamVerifiesWhatIsSignedAnew(t *testing.T) {
	big := strings.Repeat("0123456789abcde\n", 40<<10) // streams
	hashOf := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	of := SigV4{Regions: []string{"eu-central-1"}, Services: []string{"s3", "dynamodb"}}
	tests := []struct {
		name, method, body, hash, service string
		cfg                               func(*Config)
		want                              string
	}{
		{"without a body", "GET", "", hashOf(""), "s3", nil, "verified 0 bytes"},
		{"a small body", "POST", `{"a":1}`, "", "dynamodb", nil, "verified 7 bytes"},
		{"a small body with its hash", "PUT", "hello there", hashOf("hello there"), "s3", nil, "verified 11 bytes"},
		{"a large body keeps the client's hash and streams", "PUT", big, hashOf(big), "s3", nil, fmt.Sprintf("verified %d bytes", len(big))},
		{"a large body without one is held and hashed", "POST", big, "", "dynamodb", nil, fmt.Sprintf("verified %d bytes", len(big))},
		{"a body that is not signed", "PUT", big, awsUnsigned, "s3", nil, fmt.Sprintf("verified %d bytes", len(big))},
		{"a large body in which something may be replaced is hashed anew", "PUT", big, hashOf(big), "s3",
			func(c *Config) { c.DLP.Action = dlp.Redact }, fmt.Sprintf("verified %d bytes", len(big))},
		{"a body with a placeholder is hashed with the value", "PUT", "k=" + testPlaceholder, hashOf("k=" + testPlaceholder), "s3",
			func(c *Config) {
				c.Secrets = append(c.Secrets, fixedSecret("acme", testPlaceholder, testValue, Inject{Body: true}))
			}, fmt.Sprintf("verified %d bytes", len("k="+testValue))},
	}
	for _, tt := range tests {
		for _, h2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, h2=%v", tt.name, h2), func(t *testing.T) {
				cfg := Config{Secrets: awsSecrets(awsS3ID, awsS3Key, "", of)}
				route := Route{Host: "example.com", Secrets: []string{"key", "id"}}
				if tt.cfg != nil {
					tt.cfg(&cfg)
				}
				for _, s := range cfg.Secrets[2:] {
					route.Secrets = append(route.Secrets, s.Name)
				}
				r := newRig(t, awsUpstream(t, awsS3Key), cfg, clockAt(awsClientTime))
				r.reroute(route)
				resp, err := r.client(h2).Do(clientSigned(t, tt.method, "https://example.com/bucket/key", tt.body, tt.hash, tt.service, "eu-central-1"))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if got, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(got) != tt.want {
					t.Errorf("got %d %q", resp.StatusCode, got)
				}
			})
		}
	}
}

func TestSignaturesThatAreRefused(t *testing.T) {
	of := SigV4{Regions: []string{"us-east-1", "eu-central-1"}, Services: []string{"s3", "sqs"}}
	const host = "sqs.us-east-1.amazonaws.com"
	signed := func(method, service, region, hash string) *http.Request {
		req := clientSigned(t, method, "http://"+host+"/", "", "", service, region)
		if hash != "" {
			req.Header.Set(awsHash, hash)
		}
		return req
	}
	altered := func(from, to string) *http.Request {
		req := signed("GET", "sqs", "us-east-1", "")
		req.Header.Set("Authorization", strings.Replace(req.Header.Get("Authorization"), from, to, 1))
		return req
	}
	tests := []struct {
		name string
		req  *http.Request
		text string
	}{
		{"another region", signed("GET", "sqs", "us-west-2", ""), "the region us-west-2, and the credential is for us-east-1, eu-central-1 only"},
		{"another region than the host's", signed("GET", "sqs", "eu-central-1", ""), host + " is in us-east-1"},
		{"another service", signed("GET", "iam", "us-east-1", ""), "the service iam, and the credential is for s3, sqs only"},
		{"SigV4a", altered(awsAlgorithm, awsAsymmetric), "SigV4a"},
		{"no signature at all", altered(awsAlgorithm, "Bearer"), "no signature of AWS4-HMAC-SHA256"},
		{"a scope that is none", altered("aws4_request", "aws5_request"), "credential scope"},
		{"a body that is not signed, elsewhere than S3", signed("GET", "sqs", "us-east-1", awsUnsigned), "for S3 only"},
		{"event streams", signed("GET", "s3", "us-east-1", "STREAMING-AWS4-HMAC-SHA256-EVENTS"), "STREAMING-AWS4-HMAC-SHA256-EVENTS, which is not supported"},
		{"chunks of SigV4a", signed("GET", "s3", "us-east-1", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), "not supported"},
		{"chunks without a body", signed("GET", "s3", "us-east-1", awsStreamings[0]), "it has no body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := awsRig(t, up, host, awsS3ID, awsS3Key, "", of).at(awsClientTime)
			status, body := r.do(tt.req)
			if d := denialIn(t, body); status != 403 || d.Rule != "sigv4" || !strings.Contains(d.Message, tt.text) {
				t.Errorf("got %d %+v", status, d)
			}
			if got := up.take(); len(got) != 0 {
				t.Errorf("upstream got %+v", got)
			}
		})
	}
	t.Run("a host without the credential", func(t *testing.T) {
		r := newRig(t, &upstreamLog{}, Config{Secrets: awsSecrets(awsS3ID, awsS3Key, "", of)})
		r.reroute(Route{Host: "example.com"})
		status, body := r.do(clientSigned(t, "GET", "https://example.com/", "", "", "s3", "us-east-1"))
		if d := denialIn(t, body); status != 403 || d.Rule != "placeholder" || !strings.Contains(d.Message, "no route allows this secret there") {
			t.Errorf("got %d %+v", status, d)
		}
	})
	t.Run("a body that is too large to be held", func(t *testing.T) {
		r := awsRig(t, &upstreamLog{}, host, awsS3ID, awsS3Key, "", of).at(awsClientTime)
		req := clientSigned(t, "POST", "http://"+host+"/", "", "", "sqs", "us-east-1")
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, maxSignedBody+1))), maxSignedBody+1
		status, body := r.do(req)
		if d := denialIn(t, body); status != 413 || !strings.Contains(d.Message, "16 MiB") {
			t.Errorf("got %d %+v", status, d)
		}
	})
}

// The published example of a chunked upload to S3, with and without a trailer.
func TestChunksAreSignedAsPublished(t *testing.T) {
	tests := []struct {
		name, hash, headers, seed string
		chunks                    []string
		trailer, trailerSignature string
	}{
		{"without a trailer", awsStreamings[0], "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
			"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
			[]string{"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"}, "", ""},
		{"with a trailer", awsStreamings[1], "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
			"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
			[]string{"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2", "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"},
			"x-amz-checksum-crc32c:sOO8/Q==", "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"},
	}
	data := []string{strings.Repeat("a", 64<<10), strings.Repeat("a", 1<<10), ""}
	frames := func(signatures []string, trailer, signature string) string {
		var b strings.Builder
		for i, d := range data {
			fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s", len(d), signatures[i], d)
			if d != "" {
				b.WriteString("\r\n")
			}
		}
		if trailer != "" {
			b.WriteString(trailer + "\r\nx-amz-trailer-signature:" + signature + "\r\n")
		}
		return b.String() + "\r\n"
	}
	none := strings.Repeat("0", 64)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := awsRig(t, up, "s3.amazonaws.com", awsS3ID, awsS3Key, "", SigV4{Regions: []string{"us-east-1"}, Services: []string{"s3"}}).at(awsChunksTime)
			req := request("PUT", "http://s3.amazonaws.com/examplebucket/chunkObject.txt", frames([]string{none, none, none}, tt.trailer, none))()
			signedAs(req, heldID(awsS3ID), "s3", tt.headers)
			req.Header.Set("Authorization", strings.Replace(req.Header.Get("Authorization"), "20150830", "20130524", 1))
			for name, v := range map[string]string{"X-Amz-Date": "20130524T000000Z", "Content-Encoding": "aws-chunked", awsHash: tt.hash, "X-Amz-Decoded-Content-Length": "66560", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"} {
				req.Header.Set(name, v)
			}
			if tt.trailer != "" {
				req.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32c")
			}
			if status, body := r.do(req); status != 200 {
				t.Fatalf("got %d %q", status, body)
			}
			got := up.take()[0]
			if !strings.HasSuffix(got.header.Get("Authorization"), "Signature="+tt.seed) {
				t.Errorf("the seed is another: %s", got.header.Get("Authorization"))
			}
			if got.body != frames(tt.chunks, tt.trailer, tt.trailerSignature) {
				t.Errorf("the frames are others: %.100q … %q", got.body, got.body[len(got.body)-300:])
			}
		})
	}
}

// A chunk that is signed is held whole, so there has to be room for it.
func TestSignedChunksTakeRoom(t *testing.T) {
	up := &upstreamLog{}
	r := awsRig(t, up, "s3.amazonaws.com", awsS3ID, awsS3Key, "", SigV4{Regions: []string{"us-east-1"}, Services: []string{"s3"}})
	if !r.server.budget.bodies.TryAcquire(maxBodyBytes - 2*maxSignedChunk + 1) {
		t.Fatal("the room is taken")
	}
	req := request("PUT", "http://s3.amazonaws.com/b/k", "0;chunk-signature="+strings.Repeat("0", 64)+"\r\n\r\n", "Content-Encoding", "aws-chunked", awsHash, awsStreamings[0])()
	if status, body := r.do(signedAs(req, heldID(awsS3ID), "s3", "host;x-amz-content-sha256;x-amz-date")); status != 503 || !strings.Contains(body, "too-many-bodies") {
		t.Errorf("got %d %q", status, body)
	}
}

func TestBodiesInChunksOfAWS(t *testing.T) {
	sig := ";chunk-signature=" + strings.Repeat("0", 64)
	tests := []struct {
		name, body, hash string
		status           int
		text             string
	}{
		{"without signatures", "5\r\nhello\r\n3\r\nyou\r\n0\r\nx-amz-checksum-crc32:aaaaaa==\r\n\r\n", awsStreamings[2], 200, ""},
		{"the client's own signatures stay", "5" + sig + "\r\nhello\r\n0" + sig + "\r\n\r\n", awsStreamings[0], 200, ""},
		{"a text of which nothing is held at its end", "6\r\nhello \r\n0\r\nx-amz-checksum-crc32:aaaaaa==\r\n\r\n", awsStreamings[2], 200, ""},
		{"a secret in the place of signatures", "5;chunk-signature=" + asSignature(testValue[:32]) + "\r\nhello\r\n0;chunk-signature=" + asSignature(testValue[32:]) + "\r\n\r\n", awsStreamings[0], 400, "acme"},
		{"a secret over two chunks", "15\r\nkey " + testValue[:17] + "\r\n14\r\n" + testValue[17:] + "\r\n0\r\n\r\n", awsStreamings[2], 400, "acme"},
		{"a secret in the trailer", "0\r\nx-amz-meta-a:" + testValue + "\r\n\r\n", awsStreamings[2], 400, "acme"},
		{"an extension that is no signature", "5;note=abc\r\nhello\r\n0\r\n\r\n", awsStreamings[2], 400, "extension"},
		{"a trailer of another kind", "0\r\nnote:abc\r\n\r\n", awsStreamings[2], 400, "none of S3"},
		{"a size with zeros before it", "05\r\nhello\r\n0\r\n\r\n", awsStreamings[2], 400, "plain size"},
		{"a chunk that is longer than it says", "5\r\nhello you\r\n0\r\n\r\n", awsStreamings[2], 400, "longer"},
		{"no end", "5\r\nhello\r\n", awsStreamings[2], 400, "middle of a chunk"},
		{"something behind the end", "0\r\n\r\nmore", awsStreamings[2], 400, "behind its end"},
		{"a bare LF", "5\nhello\r\n0\r\n\r\n", awsStreamings[2], 400, "CR LF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := secretRig(t, up, Inject{Bearer: true})
			status, body := r.do(request("PUT", "https://example.com/", tt.body, "Content-Encoding", "aws-chunked", awsHash, tt.hash)())
			if status != tt.status || !strings.Contains(body, tt.text) {
				t.Fatalf("got %d %q", status, body)
			}
			if got := up.take(); status == 200 && (len(got) != 1 || got[0].body != tt.body) {
				t.Errorf("upstream got %+v", got)
			}
		})
	}
}

// asSignature gives a text the form of a signature.
func asSignature(text string) string {
	return fmt.Sprintf("%x", text+strings.Repeat(" ", 32-len(text)))
}

// FuzzAWSChunks holds the frames to what came in: they leave as they are or not at
// all, however they were cut.
func FuzzAWSChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), uint8(3))
	f.Add([]byte("1;chunk-signature="+strings.Repeat("a", 64)+"\r\nx\r\n0\r\nx-amz-a:b\r\n\r\n"), uint8(1))
	f.Add([]byte("0\r\n\r\n"), uint8(9))
	f.Fuzz(func(t *testing.T, body []byte, cut uint8) {
		x := &exchange{snap: &snapshot{ignores: true}}
		c := &awsChunked{x: x, inner: passFilter{}, read: (*awsChunked).readSize}
		x.body = &uploadBody{x: x}
		var out []byte
		for piece := range slices.Chunk(body, int(cut)+1) {
			got, err := c.write(piece)
			if err != nil {
				return
			}
			out = append(out, got...)
		}
		if !c.ended || len(c.trailer) > 0 { // the trailer is looked through by a scanner
			return
		}
		rest, err := c.close()
		if err != nil {
			return
		}
		if out = append(out, rest...); !bytes.EqualFold(out, body) {
			t.Errorf("%q became %q", body, out)
		}
	})
}
