package dlp

import "slices"

// isCard judges digits by their issuer, their check digit (ISO/IEC 7812-1) and
// the numbers that are for tests.
func isCard(num []byte) bool {
	return issued(num) && luhn(num) && distinct(num) >= 4 && !isTestCard(num)
}

// luhn reports whether the check digit is right.
func luhn(num []byte) bool {
	sum := 0
	for i, c := range num {
		d := int(c - '0')
		if (len(num)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// issuer is a range of the first six digits with the lengths of its numbers.
type issuer struct {
	low, high int
	lengths   uint32 // a bit for each
}

func lengths(all ...int) (set uint32) {
	for _, n := range all {
		set |= 1 << n
	}
	return set
}

// issuers are the ranges of the networks: Visa, Mastercard, American Express,
// Discover, Diners Club, JCB, UnionPay, Maestro.
var issuers = [...]issuer{
	{400000, 499999, lengths(13, 16, 19)},
	{510000, 559999, lengths(16)},
	{222100, 272099, lengths(16)},
	{340000, 349999, lengths(15)},
	{370000, 379999, lengths(15)},
	{601100, 601199, lengths(16, 19)},
	{644000, 659999, lengths(16, 19)},
	{300000, 305999, lengths(14, 16)},
	{309500, 309599, lengths(14, 16)},
	{360000, 369999, lengths(14)},
	{380000, 399999, lengths(14, 16)},
	{352800, 358999, lengths(16)},
	{620000, 629999, lengths(16, 17, 18, 19)},
	{810000, 817199, lengths(16)},
	{501800, 501899, lengths(16)},
	{502000, 502099, lengths(16)},
	{503800, 503899, lengths(16)},
	{589300, 589399, lengths(16)},
	{630400, 630499, lengths(16)},
	{675900, 676399, lengths(16)},
}

func issued(num []byte) bool {
	if len(num) < minCard || len(num) > maxCard {
		return false
	}
	first := 0
	for _, c := range num[:6] {
		first = 10*first + int(c-'0')
	}
	for i := range issuers {
		r := &issuers[i]
		if r.low <= first && first <= r.high {
			return r.lengths>>len(num)&1 != 0
		}
	}
	return false
}

// isTestCard reports whether documents of payment services show the number.
func isTestCard(num []byte) bool {
	var n uint64
	for _, c := range num {
		n = 10*n + uint64(c-'0')
	}
	return n/1e10 == 400000 || slices.Contains(testCards[:], n) || hasRun(num)
}

// hasRun reports whether six digits in a row are equal, or eight count up.
func hasRun(num []byte) bool {
	same, up := 1, 1
	for i := 1; i < len(num); i++ {
		if num[i] == num[i-1] {
			same++
		} else {
			same = 1
		}
		if (num[i] - '0') == (num[i-1]-'0'+1)%10 {
			up++
		} else {
			up = 1
		}
		if same >= 6 || up >= 8 {
			return true
		}
	}
	return false
}

var testCards = [...]uint64{
	4111111111111111, 4242424242424242, 4012888888881881, 4222222222222, 4000056655665556, 4007702835532454, 4001919257537193,
	4012000033330026, 4012000077777777, 4005519200000004, 4009348888881881, 4217651111111119, 4263982640269299, 4444333322221111,
	4462030000000000, 4484070000000000, 4500600000000061, 4646464646464644, 4911830000000000, 4917484589897107, 4917610000000000,
	4988438843884305, 4035501000000008, 4360000001000005, 4166676667666746, 4300000000000777, 4539791001730106, 4508750015741019,
	5555555555554444, 5105105105105100, 5200828282828210, 5454545454545454, 5425233430109903, 5500000000000004, 5555341244441115,
	5404000000000001, 5431111111111111, 5577000055770004, 5136333333333335, 5555444433331111, 5424000000000015, 2223003122003222,
	2222420000001113, 2223000048400011, 2221000000000009, 2222400070000005, 2222410740360010,
	378282246310005, 371449635398431, 378734493671000, 374245455400126, 340000000000009, 370000000000002, 371144371144376, 341111111111111,
	6011111111111117, 6011000990139424, 6011981111111113, 6011000000000004, 6011000000000012, 6011601160116611, 6011000400000000, 6011500080009080, 6445644564456445,
	30569309025904, 38520000023237, 3056930009020004, 36227206271667, 36148900647913, 36006666333344, 36700102000000, 30000000000004, 36111111111111,
	3530111333300000, 3566002020360505, 3566111111111113, 3088000000000017, 3569990010095841, 3566000020000410,
	6200000000000005, 6200000000000047, 6205500000000000004, 6250941006528599, 6243030000000001, 6212345678901232, 8171999927660000,
	6759649826438453, 6799990100000000019, 6362970000457013, 6771798021000008,
}
