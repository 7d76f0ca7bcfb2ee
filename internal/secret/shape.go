package secret

import (
	"strings"
)

// prefixes begin the credentials of well-known vendors. They are public and
// tell a client what it holds. The longest that fits counts. An AWS key
// identifier is base32 (RFC 4648) after its prefix.
var prefixes = []struct {
	text string
	body alphabet
}{
	{"sk-ant-oat01-", anyText}, {"sk-ant-ort01-", anyText}, {"sk-ant-api03-", anyText}, {"sk-ant-admin01-", anyText},
	{"sk-ant-sid01-", anyText}, {"sk-ant-", anyText},
	{"sk-proj-", anyText}, {"sk-svcacct-", anyText}, {"sk-admin-", anyText}, {"sk-or-v1-", anyText}, {"sk-", anyText},
	{"ghp_", anyText}, {"gho_", anyText}, {"ghu_", anyText}, {"ghs_", anyText}, {"ghr_", anyText}, {"github_pat_", anyText},
	{"glpat-", anyText}, {"gldt-", anyText}, {"glrt-", anyText}, {"glcbt-", anyText}, {"glptt-", anyText},
	{"xoxb-", anyText}, {"xoxp-", anyText}, {"xoxa-", anyText}, {"xoxe-", anyText}, {"xoxs-", anyText}, {"xapp-", anyText},
	{"AKIA", base32Text}, {"ASIA", base32Text},
	{"npm_", anyText}, {"pypi-", anyText}, {"rubygems_", anyText}, {"dckr_pat_", anyText}, {"hf_", anyText},
	{"AIza", anyText}, {"ya29.", anyText}, {"GOCSPX-", anyText},
	{"sk_live_", anyText}, {"sk_test_", anyText}, {"rk_live_", anyText}, {"rk_test_", anyText}, {"whsec_", anyText},
	{"SG.", anyText}, {"dop_v1_", anyText}, {"shpat_", anyText}, {"lin_api_", anyText}, {"ntn_", anyText}, {"figd_", anyText},
	{"xai-", anyText}, {"gsk_", anyText}, {"pplx-", anyText}, {"r8_", anyText}, {"tskey-", anyText}, {"hvs.", anyText}, {"glsa_", anyText},
}

// minHex is how long a run of hexadecimal digits must be to be taken for one.
const minHex = 16

// shape is a value taken apart: what of it is public and what is replaced.
type shape struct {
	value   string
	public  int // bytes at the front that stay
	private int // where the part begins that must share nothing with the value
	body    alphabet
	claims  []claim // of a JSON web token: see jwt.go
	varying int
}

// shapeOf takes a value apart.
func shapeOf(value string) shape {
	if s, ok := jwtShape(value); ok {
		return s
	}
	s := shape{value: value, body: anyText}
	for _, p := range prefixes {
		if len(p.text) > s.public && strings.HasPrefix(value, p.text) {
			s.public, s.body = len(p.text), p.body
		}
	}
	s.private = s.public
	rest := value[s.public:]
	if bare := strings.ReplaceAll(rest, "-", ""); len(bare) >= minHex && isHex(bare) {
		s.body = hexText
	}
	s.varying = countVarying(rest)
	return s
}

// fill makes a value of the shape.
func (s shape) fill(from *stream) string {
	out := []byte(s.value)
	if s.claims != nil {
		s.fillClaims(from, out)
	}
	s.body.replace(from, out[s.private:])
	return string(out)
}

// shares reports whether p has sharedRun bytes in a row of the private part.
func (s shape) shares(p string) bool {
	v, p := s.value[s.private:], p[s.private:]
	runs := make(map[string]bool, len(v))
	for i := 0; i+sharedRun <= len(v); i++ {
		runs[v[i:i+sharedRun]] = true
	}
	for i := 0; i+sharedRun <= len(p); i++ {
		if runs[p[i:i+sharedRun]] {
			return true
		}
	}
	return false
}

// isHex reports whether s is hexadecimal in one case, as such tokens are.
func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == "" || strings.Trim(s, "0123456789ABCDEF") == ""
}

func countVarying(s string) int {
	n := 0
	for i := range len(s) {
		if anyText.of(s[i]) != "" {
			n++
		}
	}
	return n
}
