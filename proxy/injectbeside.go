package proxy

// beside adds the headers that a provider wants beside a credential, such as the
// account of a ChatGPT subscription.
type beside struct{}

func (beside) put(x *exchange, st *secretState) *denial {
	if x.inHead(st) == nil || st.Beside == nil {
		return nil
	}
	fields, err := st.Beside(x.ctx)
	if err != nil {
		return x.noValue(st, err)
	}
	for name, value := range fields {
		x.out.Header.Set(name, value)
	}
	return nil
}
