package dlp

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestAWSSecret(t *testing.T) {
	r := newRand(1)
	missed := 0
	const n = 400
	for range n {
		key := base64.StdEncoding.EncodeToString(randomBytes(r, 30))
		for _, p := range []frame{
			{"aws_secret_access_key = ", "\n"}, {"AWS_SECRET_ACCESS_KEY=", "\n"}, {`"SecretAccessKey": "`, `"`}, {`{\"secretAccessKey\":\"`, `\"}`},
			{"AK" + "IA" + from(r, "A-Z2-7", 16) + ",", "\n"}, {`secret:\n`, `\n`},
		} {
			got := runsOf(p.before + key + p.after)
			if len(got) != 1 || got[0] != (runFound{"aws-secret-access-key", key}) {
				missed++
			}
		}
		for name, in := range map[string]string{
			"no word":     "value: " + key,
			"longer":      "my aws " + key + "a",
			"shorter":     "my aws " + key[:39],
			"padded":      "my aws " + key + "==",
			"a commit":    "secret commit " + from(r, "0-9a-f", 40),
			"far from it": "aws " + strings.Repeat(" ", 70) + key,
		} {
			for _, f := range runsOf(in) {
				if f.rule == "aws-secret-access-key" {
					t.Errorf("%s: %q", name, in)
				}
			}
		}
	}
	if missed > n*6/100 {
		t.Errorf("missed %d of %d", missed, n*6)
	}
	wantNoRun(t, "the example", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY"+"EXAMPLEKEY")
	wantNoRun(t, "a path", "aws/secret: service/S3/ListBuckets2/Policies/Version")
}

func TestAzureStorageKey(t *testing.T) {
	r := newRand(2)
	for range 30 {
		key := base64.StdEncoding.EncodeToString(randomBytes(r, 64))
		short := base64.StdEncoding.EncodeToString(randomBytes(r, 32))
		wantRun(t, "DefaultEndpointsProtocol=https;AccountName=x;AccountKey="+key+";EndpointSuffix=core.windows.net", "azure-storage-key", key)
		wantRun(t, `"AZURE_STORAGE_KEY": "`+key+`"`, "azure-storage-key", key)
		wantRun(t, "SharedAccessKeyName=Root;SharedAccessKey="+short, "azure-storage-key", short)
		wantNoRun(t, "an integrity", `"integrity": "sha512-`+key+`"`)
		wantNoRun(t, "a sum", "github.com/Azure/azure-sdk v1.0.0 h1:"+short)
		wantNoRun(t, "without padding", "the AccountKey is; "+strings.TrimRight(key, "="))
	}
	wantNoRun(t, "the emulator", "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFs"+"uFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
}
