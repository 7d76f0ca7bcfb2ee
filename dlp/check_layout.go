package dlp

import "bytes"

// Checks of bodies that have a layout. Where a prefix is short, the class of the
// body has more than the body may have (a dash, say), so that the prefix is not
// found in the middle of a longer text of that class, and the check refuses it.

// groups reports whether b is made of groups of these lengths with sep between.
func groups(b []byte, sep byte, lengths ...int) bool {
	for i, n := range lengths {
		if i > 0 {
			if len(b) == 0 || b[0] != sep {
				return false
			}
			b = b[1:]
		}
		if len(b) < n || bytes.IndexByte(b[:n], sep) >= 0 {
			return false
		}
		b = b[n:]
	}
	return len(b) == 0
}

func only(b []byte, c *class) bool { return c.span(b, 0, len(b)) == len(b) }

// scattered wants upper case, lower case and a digit, and that they change as
// often as in a random text. A name in camel case changes less often.
func scattered(body []byte) bool {
	kinds, changes := kindsOf(body)
	return kinds == 3 && 3*changes >= len(body) && distinct(body) >= 8
}

// kindsOf counts which of upper case, lower case and digits a text has, and how
// often the kind changes.
func kindsOf(body []byte) (kinds, changes int) {
	var seen [4]bool
	last := 0
	for _, c := range body {
		kind := 0
		switch {
		case '0' <= c && c <= '9':
			kind = 1
		case 'A' <= c && c <= 'Z':
			kind = 2
		case 'a' <= c && c <= 'z':
			kind = 3
		}
		if kind != last {
			changes++
		}
		if kind != 0 && !seen[kind] {
			kinds++
		}
		seen[kind], last = true, kind
	}
	return kinds, changes
}

func plainMixed(body []byte) bool      { return only(body, alnum) && mixed(body) }
func plainScattered(body []byte) bool  { return only(body, alnum) && scattered(body) }
func dashedScattered(body []byte) bool { return only(body, dashed) && scattered(body) }
func plainHex(body []byte) bool        { return only(body, hexLower) && mixed(body) }

func uuid(body []byte) bool {
	return groups(body, '-', 8, 4, 4, 4, 12) && only(body, hexDash) && mixed(body)
}
func uuidStart(body []byte) bool { return len(body) > 36 && uuid(body[:36]) }

// The layouts of single services.

func akamai(body []byte) bool   { return groups(body, '-', 16, 16) && mixed(body) }
func airtable(body []byte) bool { return groups(body, '.', 14, 64) && only(body[15:], hexLower) }
func astra(body []byte) bool    { return groups(body, ':', 24, 64) && only(body[25:], hexLower) }
func bitwarden(body []byte) bool {
	return len(body) == 92 && uuid(body[:36]) && body[36] == '.' && only(body[37:67], alnum) && body[67] == ':' && only(body[68:90], base64Line)
}
func brevo(body []byte) bool { return groups(body, '-', 64, 16) && only(body[:64], hexLower) }
func chromatic(body []byte) bool {
	kinds, _ := kindsOf(body)
	return kinds >= 2 && distinct(body) >= 6
}
func circle(body []byte) bool {
	at := bytes.LastIndexByte(body, '_')
	return at >= 20 && len(body)-at == 41 && only(body[at+1:], hexLower)
}
func clickUp(body []byte) bool {
	at := bytes.IndexByte(body, '_')
	return at >= 5 && only(body[:at], digits) && len(body)-at == 33 && only(body[at+1:], upperNum) && mixed(body[at+1:])
}
func closeKey(body []byte) bool     { return groups(body, '.', 22, 22) && scattered(body) }
func cloudflareCA(body []byte) bool { return groups(body, '-', 24, 146) }

// cloudflareTunnel wants `,"t":"` behind the account's 32 hex digits, in base64.
func cloudflareTunnel(body []byte) bool { return string(body[44:52]) == "LCJ0Ijoi" }
func cockroach(body []byte) bool        { return groups(body, '_', 22, 40) && scattered(body) }
func configCat(body []byte) bool        { return groups(body, '/', 22, 22) && scattered(body) }
func discordHook(body []byte) bool {
	at := bytes.IndexByte(body, '/')
	return at >= 17 && at <= 20 && only(body[:at], digits) && len(body)-at > 60 && scattered(body[at+1:])
}
func dynatrace(body []byte) bool { return groups(body, '.', 24, 64) && only(body[25:], upperNum) }
func ebay(body []byte) bool      { return groups(body, '-', 12, 4, 4, 4, 4) && mixed(body) }

// goCardless leaves out what has a prefix of its own behind live_.
func goCardless(body []byte) bool {
	return !bytes.HasPrefix(body, []byte("sk_")) && !bytes.HasPrefix(body, []byte("gsk_")) && scattered(body)
}
func harness(body []byte) bool {
	return groups(body, '.', 22, 24, 20) && only(body[23:47], hexLower)
}
func hawk(body []byte) bool { return groups(body, '.', 20, 20) && scattered(body) }
func infisical(body []byte) bool {
	return len(body) > 24 && body[24] == '.' && bytes.IndexByte(body, '.') == 24 && body[len(body)-1] != '.'
}
func jetBrains(body []byte) bool {
	return bytes.Count(body, []byte(".")) == 2 && scattered(body[bytes.LastIndexByte(body, '.')+1:])
}
func kubeToken(body []byte) bool {
	at := bytes.IndexByte(body, ':')
	return at >= 5 && len(body)-at == 55 && bytes.Count(body, []byte(":")) == 1 && only(body[at+1:], lowerNum) && mixed(body[at+1:])
}
func k3s(body []byte) bool {
	at := bytes.Index(body, []byte("::"))
	return at == 64 && only(body[:64], hexLower) && mixed(body[66:])
}
func matrix(body []byte) bool { return bytes.Count(body, []byte("_")) >= 2 && scattered(body) }
func mercadoPago(body []byte) bool {
	return groups(body[:56], '-', 16, 6, 32) && body[56] == '-' && only(body[57:], digits)
}
func onePassword(body []byte) bool {
	return (groups(body, '-', 6, 6, 5, 5, 5, 5) || groups(body, '-', 6, 11, 5, 5, 5)) && mixed(body)
}
func onfido(body []byte) bool { return groups(body, '.', 11, 32) && scattered(body) }
func openAIOther(body []byte) bool {
	return only(body, alnum) && mixed(body) && string(body[20:28]) != "T3BlbkFJ"
}
func postman(body []byte) bool     { return groups(body, '-', 24, 34) }
func resend(body []byte) bool      { return groups(body, '_', 8, 24) && scattered(body) }
func secretToken(body []byte) bool { return mixed(body) && distinct(body) >= 10 }
func snykPAT(body []byte) bool {
	return bytes.IndexByte(body, '.') == 8 && bytes.Count(body, []byte(".")) == 2
}
func sourcegraph(body []byte) bool {
	at := bytes.LastIndexByte(body, '_') + 1
	return len(body)-at == 40 && only(body[at:], hexLower) && (at == 0 || at == 17 || at == 6)
}
func swarm(body []byte) bool  { return groups(body, '-', 50, 25) }
func telnyx(body []byte) bool { return groups(body, '_', 32, 22) }
func tezos(body []byte) bool  { return (len(body) == 50 || len(body) == 94) && scattered(body) }

// vaultOld is strict, since a call of a method looks much like it.
func vaultOld(body []byte) bool {
	_, changes := kindsOf(body)
	return plainScattered(body) && changes >= 11
}
func xBearer(body []byte) bool { return scattered(body) && !bytes.Contains(body, []byte("AAAAA")) }
func zoho(body []byte) bool    { return groups(body, '.', 32, 32) && mixed(body) }

func adyen(body []byte) bool { return string(body[1:4]) == "hmf" && scattered(body) }
func boundaryToken(body []byte) bool {
	return body[10] == '_' && string(body[11:13]) == "s1" && scattered(body[11:])
}
func conduit(body []byte) bool { return only(body, base32Low) && mixed(body) }
func laravel(body []byte) bool {
	return body[43] == '=' && bytes.IndexByte(body, '=') == 43 && scattered(body[:43])
}
func matrixService(body []byte) bool { return groups(body, '_', 30, 6) && scattered(body) }
func nuget(body []byte) bool         { return only(body, base32Low) && mixed(body) }
func supabase(body []byte) bool {
	at := bytes.LastIndexByte(body, '_') + 1
	return len(body)-at == 40 && only(body[at:], hexLower)
}
func upperHex(body []byte) bool { return only(body, hexUpper) && mixed(body) }

// varied is for bodies so short that one in ten has no digit: it wants two of
// upper case, lower case and digits, changing as in a random text.
func varied(body []byte) bool {
	kinds, changes := kindsOf(body)
	return kinds >= 2 && 5*changes >= 2*len(body) && distinct(body) >= 8
}
