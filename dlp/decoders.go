package dlp

import (
	"bufio"
	"errors"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// The decoders have tables and windows that are worth keeping for the next
// stream. They hold nothing of the last one that is looked at again.
var (
	bufferPool = sync.Pool{New: func() any { return &inflateBuffers{in: bufio.NewReaderSize(nil, inflateIn)} }}
	gzipPool   = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zlibPool   sync.Pool // is filled with what was opened on data
	flatePool  = sync.Pool{New: func() any { return flate.NewReader(eof{}) }}
	brotliPool = sync.Pool{New: func() any { return brotli.NewReader(eof{}) }}
	zstdPool   sync.Pool
)

// eof is an empty source, so that a decoder in a pool keeps no other.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
func (eof) ReadByte() (byte, error)  { return 0, io.EOF }

// gunzip reads one member.
func (f *inflater) gunzip(in *bufio.Reader) error {
	z := gzipPool.Get().(*gzip.Reader)
	defer func() {
		_ = z.Reset(eof{})
		gzipPool.Put(z)
	}()
	if err := z.Reset(in); err != nil {
		return early(err)
	}
	z.Multistream(false)
	return f.pump(z)
}

func (f *inflater) unzlib(in *bufio.Reader) error {
	z, ok := zlibPool.Get().(io.ReadCloser)
	var err error
	if ok {
		err = z.(zlib.Resetter).Reset(in, nil)
	} else {
		z, err = zlib.NewReader(in)
	}
	if err != nil {
		return early(err)
	}
	defer func() {
		_ = z.(zlib.Resetter).Reset(eof{}, nil)
		zlibPool.Put(z)
	}()
	return f.pump(z)
}

// inflate reads deflate without a header.
func (f *inflater) inflate(in flate.Reader) error {
	z := flatePool.Get().(io.ReadCloser)
	defer func() {
		_ = z.(flate.Resetter).Reset(eof{}, nil)
		flatePool.Put(z)
	}()
	if err := z.(flate.Resetter).Reset(in, nil); err != nil {
		return err
	}
	return f.pump(z)
}

func (f *inflater) unbrotli(in *bufio.Reader) error {
	z := brotliPool.Get().(*brotli.Reader)
	defer func() {
		_ = z.Reset(eof{})
		brotliPool.Put(z)
	}()
	if err := z.Reset(in); err != nil {
		return err
	}
	return f.pump(z)
}

// unzstd reads one frame.
func (f *inflater) unzstd(in *bufio.Reader) error {
	z, ok := zstdPool.Get().(*zstd.Decoder)
	if !ok {
		var err error
		// With a concurrency of 1 it starts no goroutines and needs no Close.
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindowBytes), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
	}
	defer func() {
		_ = z.Reset(nil)
		zstdPool.Put(z)
	}()
	frame := &zstdFrame{in: in}
	if err := z.Reset(frame); err != nil {
		return early(err)
	}
	if err := f.pump(z); err != nil {
		return err
	}
	if frame.stage != zstdEnd || frame.left > 0 { // which the decoder takes for no frame at all
		return io.ErrUnexpectedEOF
	}
	return nil
}

// early says that a stream without a beginning is not one.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
