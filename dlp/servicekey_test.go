package dlp

import (
	"fmt"
	"testing"
)

func serviceSample(f *serviceFormat, seed uint64) string {
	r := newRand(seed)
	if f.length == 0 {
		return fmt.Sprintf("%s-%s-4%s-a%s-%s", randText(r, "0-9a-f", 8), randText(r, "0-9a-f", 4), randText(r, "0-9a-f", 3), randText(r, "0-9a-f", 3), randText(r, "0-9a-f", 12))
	}
	spec := "A-Za-z0-9"
	if f.body == hexLower {
		spec = "0-9a-f"
	}
	for {
		if key := randText(r, spec, f.length); mixed([]byte(key)) && (f.body == hexLower || !wordLike([]byte(key))) {
			return key
		}
	}
}

func TestServiceKeys(t *testing.T) {
	for i := range serviceKeys {
		f := &serviceKeys[i]
		for k, name := range f.names {
			key := serviceSample(f, uint64(100*i+k))
			for _, in := range []string{
				name + "_api_key=" + key + "\n",
				`{"` + name + `":{"apiKey":"` + key + `"}}`,
				`{\"` + name + `_secret\": \"` + key + `\"}`,
				"# " + name + "\nAPI_TOKEN: " + key + "\n",
			} {
				wantRun(t, in, "service-key", key)
			}
			for title, in := range map[string]string{
				"no name of a secret": name + "_commit=" + key + "\n",
				"in prose":            name + " token is " + key + " there",
				"an identifier":       name + "_token_id=" + key + "\n",
			} {
				for _, got := range runsOf(in) {
					if got.rule == "service-key" {
						t.Errorf("%s: in %q: %v", title, in, got)
					}
				}
			}
			for _, got := range runsOf("token=" + key + "\n") {
				if got.rule == "service-key" {
					t.Errorf("without a service: %v", got)
				}
			}
		}
	}
}
