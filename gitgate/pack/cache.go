package pack

// buffer is the content of an object in memory.
type buffer struct {
	data       []byte
	n          int32 // the object's number
	prev, next *buffer
}

// cache keeps the last objects, up to a number of bytes, and always the last one.
type cache struct {
	limit int64
	used  int64
	byN   map[int32]*buffer
	list  buffer // its next is the newest, its prev the oldest
}

func (c *cache) init(limit int64) {
	c.limit, c.byN = limit, map[int32]*buffer{}
	c.list.prev, c.list.next = &c.list, &c.list
}

// get returns the content of an object, or nil.
func (c *cache) get(n int32) *buffer {
	b := c.byN[n]
	if b != nil {
		c.unlink(b)
		c.push(b)
	}
	return b
}

// keep puts in the content of an object. What is dropped for it may be in use.
func (c *cache) keep(n int32, data []byte) *buffer {
	b := &buffer{data: data, n: n}
	c.byN[n] = b
	c.push(b)
	c.used += int64(cap(data))
	for old := c.list.prev; c.used > c.limit && old != b; old = c.list.prev {
		c.unlink(old)
		delete(c.byN, old.n)
		c.used -= int64(cap(old.data))
	}
	return b
}

func (c *cache) push(b *buffer) {
	b.prev, b.next = &c.list, c.list.next
	b.prev.next, b.next.prev = b, b
}

func (c *cache) unlink(b *buffer) {
	b.prev.next, b.next.prev = b.next, b.prev
}
