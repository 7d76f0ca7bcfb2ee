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
func bitwarden(body []byte) bool {
	return len(body) == 92 && uuid(body[:36]) && body[36] == '.' && only(body[37:67], alnum) && body[67] == ':' && only(body[68:90], base64Line)
}
func circle(body []byte) bool {
	at := bytes.LastIndexByte(body, '_')
	return at >= 20 && len(body)-at == 41 && mixed(body[at+1:])
}
func clickUp(body []byte) bool {
	at := bytes.IndexByte(body, '_')
	return at >= 5 && only(body[:at], digits) && len(body)-at == 33 && mixed(body[at+1:])
}
func closeKey(body []byte) bool { return groups(body, '.', 22, 22) && scattered(body) }

// cloudflareTunnel wants `,"t":"` behind the account's 32 hex digits, in base64.
func cloudflareTunnel(body []byte) bool { return string(body[44:52]) == "LCJ0Ijoi" }
func cockroach(body []byte) bool        { return groups(body, '_', 22, 40) && scattered(body) }
func configCat(body []byte) bool        { return groups(body, '/', 22, 22) && scattered(body) }
func discordHook(body []byte) bool {
	at := bytes.IndexByte(body, '/')
	return at >= 17 && at <= 20 && only(body[:at], digits) && len(body)-at > 60 && scattered(body[at+1:])
}
func dynatrace(body []byte) bool { return groups(body, '.', 24, 64) && mixed(body[25:]) }
func ebay(body []byte) bool {
	at := bytes.IndexByte(body, '-')
	return at >= 8 && bytes.Count(body, []byte("-")) == 4 && groups(body[at+1:], '-', 4, 4, 4, len(body)-at-16) && mixed(body)
}

// goCardless leaves out what has a prefix of its own behind live_.
func goCardless(body []byte) bool {
	return !bytes.HasPrefix(body, []byte("sk_")) && !bytes.HasPrefix(body, []byte("gsk_")) && oneCase(body)
}
func harness(body []byte) bool { return groups(body, '.', 22, 24, 20) && mixed(body) }
func hawk(body []byte) bool    { return groups(body, '.', 20, 20) && scattered(body) }
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
func onfido(body []byte) bool { return scattered(body) && bytes.Count(body, []byte(".")) <= 1 }
func openAIOther(body []byte) bool {
	return only(body, alnum) && mixed(body) && string(body[20:28]) != "T3BlbkFJ"
}
func resend(body []byte) bool      { return groups(body, '_', 8, 24) && scattered(body) }
func secretToken(body []byte) bool { return mixed(body) && distinct(body) >= 10 }
func snykPAT(body []byte) bool {
	return bytes.IndexByte(body, '.') == 8 && bytes.Count(body, []byte(".")) == 2
}
func sourcegraph(body []byte) bool {
	at := bytes.LastIndexByte(body, '_') + 1
	return len(body)-at == 40 && only(body[at:], hexAny) && mixed(body[at:]) && (at == 0 || at == 17 || at == 6)
}
func swarm(body []byte) bool {
	at := bytes.IndexByte(body, '-')
	return at >= 50 && at <= 60 && len(body)-at >= 25 && len(body)-at <= 31 && bytes.LastIndexByte(body, '-') == at && mixed(body)
}
func telnyx(body []byte) bool { return groups(body, '_', 32, 22) || scattered(body) }
func tezos(body []byte) bool  { return (len(body) == 50 || len(body) == 94) && scattered(body) }

// vaultOld is strict, since a call of a method looks much like it.
func vaultOld(body []byte) bool {
	_, changes := kindsOf(body)
	return plainScattered(body) && changes >= 11
}
func xBearer(body []byte) bool { return scattered(body) && !bytes.Contains(body, []byte("AAAAA")) }
func zoho(body []byte) bool {
	return (groups(body, '.', 32, 32) || len(body) == 64 && bytes.IndexByte(body, '.') < 0) && mixed(body)
}

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
func upperHex(body []byte) bool      { return only(body, hexUpper) && mixed(body) }

// varied is for bodies so short that one in ten has no digit: it wants two of
// upper case, lower case and digits, changing as in a random text.
func varied(body []byte) bool {
	kinds, changes := kindsOf(body)
	return kinds >= 2 && 5*changes >= 2*len(body) && distinct(body) >= 8
}

// uuidLike is for services whose identifiers have all letters.
func uuidLike(body []byte) bool  { return groups(body, '-', 8, 4, 4, 4, 12) && mixed(body) }
func lowerUUID(body []byte) bool { return only(body, lowerDash) && uuidLike(body) }

func authress(body []byte) bool {
	return (bytes.Contains(body, []byte(".acc-")) || bytes.Contains(body, []byte(".acc_"))) && mixed(body)
}

// clientSecret wants the identifier, the word and the secret.
func clientSecret(body []byte) bool {
	return bytes.Contains(body[16:], []byte("_secret_")) && blended(body)
}

// accessKeyID wants base32, which they all are in, or what is no word.
func accessKeyID(body []byte) bool { return only(body, base32Up) || unworded(body) }

// grafanaCloud wants JSON in base64, or what looks random.
func grafanaCloud(body []byte) bool { return bytes.HasPrefix(body, []byte("eyJ")) || scattered(body) }

func braveKey(body []byte) bool  { return dashedScattered(body) && !isPhrase(body) }
func portainer(body []byte) bool { return scattered(body) && !wordLike(body) }

// dropbox leaves out what has dots and no capitals, as names of hosts and classes do.
func dropbox(body []byte) bool {
	return scattered(body) || bytes.IndexByte(body, '.') < 0 && unworded(body)
}

// entra wants the beginning that the second part has had for years.
func entra(body []byte) bool { return bytes.Contains(body, []byte(".AgAB")) && scattered(body) }

// facebook is plainScattered, or what the tokens of pages are when they have one case.
func facebook(body []byte) bool {
	return plainScattered(body) || (body[0] == 'C' || body[0] == 'M') && plainMixed(body) && !wordLike(body)
}

func mapbox(body []byte) bool {
	return bytes.HasPrefix(body, []byte("eyJ1Ijoi")) && scattered(body) || groups(body, '.', 60, 22) && mixed(body)
}

func ticketTailor(body []byte) bool {
	return groups(body, '_', 4, 6, 32) && only(body[:4], digits) && only(body[5:11], digits) && plainHex(body[12:])
}

func tines(body []byte) bool { return groups(body, '/', 32, 32) && mixed(body) }

func voiceflow(body []byte) bool {
	for _, kind := range [...]string{"DM.", "WS."} {
		body = bytes.TrimPrefix(body, []byte(kind))
	}
	return groups(body, '.', 24, 16) && only(body[:24], hexAny) && mixed(body)
}

// yandexIAM wants the signature of 86 characters, or the beginning that all have had.
func yandexIAM(body []byte) bool {
	signature := bytes.TrimRight(body[bytes.LastIndexByte(body, '.')+1:], "=")
	return bytes.HasPrefix(body, []byte("9eu")) && scattered(body) || len(signature) == 86 && len(signature) < len(body) && scattered(signature)
}

// exoscale wants what keys have been made of: hex at first, all letters later.
func exoscale(body []byte) bool { return len(body) == 24 && plainHex(body) || plainScattered(body) }

// mixedShort is mixed for bodies of some 12 bytes.
func mixedShort(body []byte) bool {
	kinds, _ := kindsOf(body)
	return kinds >= 2 && distinct(body) >= 6
}

// mercury wants the word that all end in.
func mercury(body []byte) bool { return bytes.HasSuffix(body, []byte("_yrucrem")) && mixed(body) }

// workato wants a token of JSON behind the region.
func workato(body []byte) bool { return bytes.HasPrefix(body, []byte("eyJ")) && scattered(body) }

// braintree wants the identifier of the merchant and the secret.
func braintree(body []byte) bool {
	return groups(body, '$', 16, 32) && only(body[:16], lowerNum) && plainHex(body[17:])
}

// knock leaves out what has the kind of the key in a word, as the keys of others do.
func knock(body []byte) bool {
	at := bytes.IndexByte(body, '_')
	return (at < 3 || at > 8 || lower.span(body, 0, at) < at) && scattered(body)
}
