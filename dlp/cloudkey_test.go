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
			{"AK" + "IA" + randText(r, "A-Z2-7", 16) + ",", "\n"}, {`secret:\n`, `\n`},
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
			"a commit":    "secret commit " + randText(r, "0-9a-f", 40),
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

func TestAWSSession(t *testing.T) {
	r := newRand(3)
	for range 20 {
		for _, head := range []string{"IQoJb3Jp" + "Z2luX2Vj", "FwoGZXIv" + "YXdz"} {
			text := head + randText(r, "A-Za-z0-9+/", 200+r.IntN(400)) + "=="
			for _, p := range tokenFrames {
				wantRun(t, p.before+text+p.after, "aws-session-token", text)
			}
			wantNoRun(t, "the beginning alone", head+randText(r, "A-Za-z0-9+/", 40))
			wantNoRun(t, "inside another", "x"+text)
		}
	}
}

func TestAzureSAS(t *testing.T) {
	r := newRand(4)
	found := 0
	for range 50 {
		sig := base64.StdEncoding.EncodeToString(randomBytes(r, 32))
		escaped := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(sig)
		for _, in := range []string{
			"https://x.blob.core.windows.net/c?sv=2022-11-02&ss=b&se=2030-01-01T00:00:00Z&sp=r&sig=" + escaped,
			"?sig=" + escaped + "&se=2030-01-01&sp=rl ",
		} {
			for _, got := range runsOf(in) {
				if got == (runFound{"azure-sas-token", escaped}) {
					found++
				}
			}
		}
		wantNoRun(t, "another query", "?sig="+escaped+"&v=1")
		wantNoRun(t, "another name", "?sv=2020&bigsig="+escaped)
	}
	// A signature whose runs are all short has none to look at.
	if found < 90 {
		t.Errorf("found %d of 100", found)
	}
}
