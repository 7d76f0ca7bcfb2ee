package mitm

// replacingVariables name a file of roots that a client uses instead of its own
// list.
var replacingVariables = [...]string{
	"SSL_CERT_FILE",        // OpenSSL, Go, Python, Ruby, rustls
	"CURL_CA_BUNDLE",       // curl
	"REQUESTS_CA_BUNDLE",   // Python's requests
	"PIP_CERT",             // pip
	"AWS_CA_BUNDLE",        // aws, boto
	"GIT_SSL_CAINFO",       // git
	"CARGO_HTTP_CAINFO",    // cargo
	"npm_config_cafile",    // npm
	"BUNDLE_SSL_CA_CERT",   // Ruby's bundler
	"DENO_CERT",            // deno
	"CODEX_CA_CERTIFICATE", // codex, for which it beats SSL_CERT_FILE
}

// ClientEnv returns the environment variables that make the usual clients in a
// guest trust the bottle's authority and use its proxy.
//
// bundlePath is a file in the guest with all roots (Roots.All): it replaces a
// client's own. addedPath is one with the bottle's and the extra roots only
// (Roots.Added): Node adds it to those it has.
//
// Java reads no PEM file, and Firefox and Chrome no variable; they need Install
// inside the guest.
func ClientEnv(bundlePath, addedPath string) map[string]string {
	env := map[string]string{
		"NODE_EXTRA_CA_CERTS": addedPath,
		"NODE_USE_ENV_PROXY":  "1", // Node's fetch ignores HTTPS_PROXY without it
		"UV_NATIVE_TLS":       "1", // uv reads SSL_CERT_FILE only then
	}
	for _, name := range replacingVariables {
		env[name] = bundlePath
	}
	return env
}
