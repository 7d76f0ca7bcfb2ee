package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A signature is for now: one for another day could be used past the proxy.
func TestSignaturesAreOfNow(t *testing.T) {
	const host = "sqs.us-east-1.amazonaws.com"
	of := SigV4{Regions: []string{"us-east-1"}, Services: []string{"sqs"}}
	header := func() *http.Request { return clientSigned(t, "GET", "http://"+host+"/", "", "", "sqs", "us-east-1") }
	url := func(expires string) func() *http.Request {
		return func() *http.Request {
			date := awsClientTime.Format(awsTime)
			return request("GET", fmt.Sprintf("http://%s/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F%s%%2Fus-east-1%%2Fsqs%%2Faws4_request&X-Amz-Date=%s%s&X-Amz-SignedHeaders=host&X-Amz-Signature=%s",
				host, heldID(awsS3ID), date[:8], date, expires, strings.Repeat("0", 64)), "")()
		}
	}
	for _, tt := range []struct {
		name string
		req  func() *http.Request
		late time.Duration // of the host's clock, after the signature's date
		text string        // "" when it is signed
	}{
		{"now", header, 0, ""},
		{"a clock that goes a little wrong", header, maxSkew, ""},
		{"one that goes wrong the other way", header, -maxSkew, ""},
		{"too late", header, maxSkew + time.Second, "the clock of the host says 2030-01-02T03:19:06Z"},
		{"too early", header, -maxSkew - time.Second, "set the client's clock"},
		{"a URL", url("&X-Amz-Expires=3600"), time.Hour, ""},
		{"a URL that is good no longer", url("&X-Amz-Expires=3600"), time.Hour + time.Second, "good no longer"},
		{"a URL of tomorrow", url("&X-Amz-Expires=3600"), -24 * time.Hour, "set the client's clock"},
		{"a URL that is good for a week", url("&X-Amz-Expires=604800"), 0, ""},
		{"a URL that is good for longer", url("&X-Amz-Expires=604801"), 0, "from 1 to 604800"},
		{"a URL that does not say", url(""), 0, "from 1 to 604800"},
		{"a URL that says it wrong", url("&X-Amz-Expires=-1"), 0, "from 1 to 604800"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			r := awsRig(t, up, host, awsS3ID, awsS3Key, "", of).at(awsClientTime.Add(tt.late))
			status, body := r.do(tt.req())
			if tt.text == "" {
				if status != 200 {
					t.Errorf("got %d %s", status, body)
				}
				return
			}
			if d := denialIn(t, body); status != 403 || d.Rule != "sigv4" || !strings.Contains(d.Message, tt.text) || len(up.take()) > 0 {
				t.Errorf("got %d %+v", status, d)
			}
		})
	}
}

// What STS gives out is a credential, and no placeholder stands for it.
func TestTemporaryCredentialsAreNotSignedFor(t *testing.T) {
	const host, form = "sts.us-east-1.amazonaws.com", "application/x-www-form-urlencoded; charset=utf-8"
	for _, tt := range []struct {
		name, query, typ, body string
		named                  []string
		text                   string // "" when it is signed
	}{
		{"who one is", "", form, "Action=GetCallerIdentity&Version=2011-06-15", nil, ""},
		{"who one is, in the URL", "?Action=GetCallerIdentity", "", "", nil, ""},
		{"a role", "", form, "Action=AssumeRole&RoleArn=x", nil, "AssumeRole of sts may give out credentials"},
		{"a role in the URL", "?Action=AssumeRole", "", "", nil, "inject.sigv4.sts"},
		{"a role that is named", "", form, "Action=AssumeRole&RoleArn=x", []string{"AssumeRole"}, ""},
		{"another than is named", "", form, "Action=GetSessionToken", []string{"AssumeRole"}, "GetSessionToken of sts"},
		{"an action in escapes", "", form, "Action=%41ssumeRole", nil, "AssumeRole of sts"},
		{"an action of another case", "", form, "Action=getcalleridentity", nil, "getcalleridentity of sts"},
		{"two actions", "", form, "Action=GetCallerIdentity&Action=AssumeRole", nil, "exactly one Action"},
		{"one in the URL and one in the form", "?Action=GetCallerIdentity", form, "Action=AssumeRole", nil, "exactly one Action"},
		{"none", "", form, "Version=2011-06-15", nil, "exactly one Action"},
		{"what is no form", "", "application/json", `{"Action":"AssumeRole"}`, nil, "no form"},
		{"a form that is not escaped right", "", form, "Action=GetCallerIdentity;Action=AssumeRole", nil, "not escaped right"},
		{"a large form", "", form, "Action=GetCallerIdentity&x=" + strings.Repeat("a", maxSTSBody), nil, "more than 256 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := &upstreamLog{}
			of := SigV4{Regions: []string{"us-east-1"}, Services: []string{"sts"}, STS: tt.named}
			r := awsRig(t, up, host, awsS3ID, awsS3Key, "", of).at(awsClientTime)
			method := map[bool]string{true: "GET", false: "POST"}[tt.body == ""]
			req := clientSigned(t, method, "http://"+host+"/"+tt.query, tt.body, "", "sts", "us-east-1")
			if tt.typ != "" {
				req.Header.Set("Content-Type", tt.typ)
			}
			status, body := r.do(req)
			if tt.text == "" {
				if status != 200 || len(up.take()) != 1 {
					t.Errorf("got %d %s", status, body)
				}
				return
			}
			if d := denialIn(t, body); status != 403 || d.Rule != "sigv4" || !strings.Contains(d.Message, tt.text) || len(up.take()) > 0 {
				t.Errorf("got %d %+v", status, d)
			}
		})
	}
}
