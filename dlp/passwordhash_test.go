package dlp_test

import "testing"

// Half of a bcrypt hash has the length of a secret key of AWS.
func TestPasswordHashIsNoSecretKey(t *testing.T) {
	e := mustEngine(t)
	for seed := range uint64(50) {
		salt, hash := random(seed, alnum, 40), random(seed+100, alnum, 12)
		for _, in := range []string{"secret_hash: '$2b$12$" + salt + "." + hash + "'", "secret_hash: '$2b$12$" + hash + "." + salt + "'"} {
			for _, f := range e.Scan([]byte(in)) {
				if f.Rule == "aws-secret-access-key" {
					t.Errorf("Scan(%q) has %s", in, f.Rule)
				}
			}
		}
	}
}
