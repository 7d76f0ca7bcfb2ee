package gitgate

import "net/http"

// serveLFS refuses what git-lfs asks for.
func (v *visit) serveLFS() {
	v.refuse(&refusal{http.StatusNotFound, ruleProtocol, "LFS is not served here.", false})
}
