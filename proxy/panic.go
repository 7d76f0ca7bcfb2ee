package proxy

import "net/http"

// A panic ends its own exchange and no other. net/http catches one in the goroutine of
// a handler; in a goroutine of its Transport, which reads uploads, or in one of ours, it
// would end the process. There it becomes a denial, or is thrown again where it is
// caught.

// caught is deferred in what a Transport calls.
func (x *exchange) caught(err *error) {
	p := recover()
	if p == nil {
		return
	}
	x.s.log.Error("panic in an exchange", "id", x.id, "panic", p)
	*err = x.stopBody(&denial{status: http.StatusInternalServerError, rule: "internal", upset: true,
		message: "bottle itself failed while it looked at this request, which was not sent as a whole; tell the operator, whose log says more"})
}

// thrown keeps the panic of another goroutine for the one that waits for it. The zero
// value has none.
type thrown struct{ what any }

// catch is deferred in the other goroutine. With a panic it calls then, if there is one.
func (t *thrown) catch(then func()) {
	if t.what = recover(); t.what != nil && then != nil {
		then()
	}
}

// again throws it where the other goroutine has ended.
func (t *thrown) again() {
	if t.what != nil {
		panic(t.what)
	}
}
