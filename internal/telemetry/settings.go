package telemetry

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// settings are where to what is exported; nil where it is not.
type settings struct{ traces, logs *client }

const prefix = "OTEL_EXPORTER_OTLP_"

// settingsOf reads the environment (OpenTelemetry specification, SDK environment
// variables, and OTLP exporter). Its values are credentials in part: problems name
// variables only.
func settingsOf(getenv func(string) string) (set settings, problems []string) {
	if strings.EqualFold(strings.TrimSpace(getenv("OTEL_SDK_DISABLED")), "true") {
		return set, nil
	}
	for _, s := range []struct {
		name, path string
		to         **client
	}{{"TRACES", "/v1/traces", &set.traces}, {"LOGS", "/v1/logs", &set.logs}} {
		v := variables{getenv: getenv, signal: s.name + "_"}
		if *s.to = v.client(s.path); v.problem != "" {
			*s.to, problems = nil, append(problems, v.problem)
		}
	}
	return set, problems
}

// variables are those about one signal, of which each may be set for all, too.
type variables struct {
	getenv  func(string) string
	signal  string
	problem string // the first one; with it there is no export
}

// get returns the value of a variable and the name that it is set by.
func (v *variables) get(name string) (value, from string) {
	for _, from := range []string{prefix + v.signal + name, prefix + name} {
		if value = strings.TrimSpace(v.getenv(from)); value != "" {
			return value, from
		}
	}
	return "", prefix + v.signal + name
}

func (v *variables) fail(format string, args ...any) {
	if v.problem == "" {
		v.problem = fmt.Sprintf(format, args...)
	}
}

func (v *variables) client(path string) *client {
	chosen := "OTEL_" + v.signal + "EXPORTER"
	name := strings.TrimSpace(v.getenv(chosen))
	endpoint, _ := v.get("ENDPOINT")
	switch {
	case name == "none", name == "" && endpoint == "":
		return nil
	case name != "" && name != "otlp":
		v.fail("%s names an exporter that is not there: only otlp and none are", chosen)
	}
	switch protocol, from := v.get("PROTOCOL"); protocol {
	case "", "http/protobuf":
	case "grpc":
		v.fail("there is no grpc here, so nothing is exported: set %s%sPROTOCOL=http/protobuf, and an endpoint that takes it (mostly port 4318)", prefix, v.signal)
	default:
		v.fail("%s must be http/protobuf", from)
	}
	c := &client{url: v.url(path), header: v.header(), limit: v.limit()}
	switch compression, from := v.get("COMPRESSION"); compression {
	case "", "none":
	case "gzip":
		c.gzip = true
	default:
		v.fail("%s must be gzip or none", from)
	}
	transport, _ := http.DefaultTransport.(*http.Transport)
	transport = transport.Clone()
	transport.TLSClientConfig = v.tls()
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // its headers are for this one
	}}
	return c
}

func (v *variables) url(path string) string {
	endpoint, from := v.get("ENDPOINT")
	u, err := url.Parse(cmp.Or(endpoint, "http://localhost:4318"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		v.fail("%s is no URL that begins with http:// or https://, so nothing is exported", from)
		return ""
	}
	if from == prefix+"ENDPOINT" || endpoint == "" {
		u = u.JoinPath(path)
	}
	return u.String()
}

// header reads NAME=VALUE,…, with values in percent-encoding.
func (v *variables) header() http.Header {
	h := http.Header{}
	text, from := v.get("HEADERS")
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || err != nil || name == "" || strings.ContainsAny(name+value, "\r\n\x00") {
			v.fail("%s has an entry that is not NAME=VALUE, so nothing is exported", from)
			continue
		}
		h.Add(name, value)
	}
	return h
}

// limit is the time for one batch, with all attempts.
func (v *variables) limit() time.Duration {
	text, from := v.get("TIMEOUT")
	if text == "" {
		return exportTime
	}
	ms, err := strconv.ParseUint(text, 10, 31)
	if err != nil || ms == 0 {
		v.fail("%s is a number of milliseconds, more than 0", from)
	}
	return time.Duration(ms) * time.Millisecond
}

func (v *variables) tls() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if path, from := v.get("CERTIFICATE"); path != "" {
		pem, err := os.ReadFile(path)
		c.RootCAs = x509.NewCertPool()
		if err != nil {
			v.fail("%s: %v", from, err)
		} else if !c.RootCAs.AppendCertsFromPEM(pem) {
			v.fail("%s: the file %s holds no certificate (PEM)", from, path)
		}
	}
	path, from := v.get("CLIENT_CERTIFICATE")
	key, _ := v.get("CLIENT_KEY")
	if path != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(path, key)
		if err != nil {
			v.fail("%s and its CLIENT_KEY: %v", from, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}
