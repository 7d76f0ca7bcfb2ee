package pack

import "math/bits"

// buffer is the content of an object in memory.
type buffer struct {
	data       []byte
	n          int32 // the object's number
	pins       int   // how many use it
	kept       bool  // whether it is in the cache
	prev, next *buffer
}

// cache keeps the last objects, up to a number of bytes, and always the last one.
// What is pinned stays valid. Memory is used again.
type cache struct {
	limit int64
	used  int64
	byN   map[int32]*buffer
	list  buffer        // its next is the newest, its prev the oldest
	free  [21][]*buffer // by the power of two of their size
	spare int64         // bytes in free
}

func (c *cache) init(limit int64) {
	c.limit, c.byN = limit, map[int32]*buffer{}
	c.list.prev, c.list.next = &c.list, &c.list
}

// reuseMost is the size up to which memory is used again, in powers of two.
const reuseMost = 1 << 20

func class(n int) int { return bits.Len(uint(max(n, 64) - 1)) }

// alloc returns a pinned buffer of n bytes with any content, that is not in the
// cache yet.
func (c *cache) alloc(n int) *buffer {
	if n > reuseMost {
		return &buffer{data: make([]byte, n), pins: 1}
	}
	k := class(n)
	if list := c.free[k]; len(list) > 0 {
		b := list[len(list)-1]
		c.free[k] = list[:len(list)-1]
		c.spare -= int64(cap(b.data))
		b.data, b.pins = b.data[:n], 1
		return b
	}
	return &buffer{data: make([]byte, n, 1<<k), pins: 1}
}

// get returns the content of an object, pinned, or nil.
func (c *cache) get(n int32) *buffer {
	b := c.byN[n]
	if b != nil {
		b.pins++
		c.unlink(b)
		c.push(b)
	}
	return b
}

// keep puts a buffer into the cache as the content of an object.
func (c *cache) keep(n int32, b *buffer) {
	b.n, b.kept = n, true
	c.byN[n] = b
	c.push(b)
	c.used += int64(cap(b.data))
	for old := c.list.prev; c.used > c.limit && old != b && old != &c.list; {
		next := old.prev
		c.drop(old)
		old = next
	}
}

// release ends the use of a pinned buffer.
func (c *cache) release(b *buffer) {
	if b.pins--; b.pins == 0 && !b.kept {
		c.recycle(b)
	}
}

func (c *cache) drop(b *buffer) {
	c.unlink(b)
	delete(c.byN, b.n)
	c.used -= int64(cap(b.data))
	if b.kept = false; b.pins == 0 {
		c.recycle(b)
	}
}

// recycle has the memory of a buffer used again, of a quarter of the limit at
// most.
func (c *cache) recycle(b *buffer) {
	if n := int64(cap(b.data)); n <= reuseMost && c.spare+n <= c.limit/4 {
		k := class(cap(b.data))
		c.free[k] = append(c.free[k], b)
		c.spare += n
	}
}

func (c *cache) push(b *buffer) {
	b.prev, b.next = &c.list, c.list.next
	b.prev.next, b.next.prev = b, b
}

func (c *cache) unlink(b *buffer) {
	b.prev.next, b.next.prev = b.next, b.prev
	b.prev, b.next = nil, nil
}
