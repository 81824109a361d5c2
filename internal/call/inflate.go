package call

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"io"
)

// inflate reads Content-Encoding: deflate, which is the zlib format (RFC 9110, section 8.4.1.2), though some servers
// send the deflate data without it.
func inflate(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	start, err := buffered.Peek(2)
	if err != nil {
		return nil, err
	}
	const deflate, check = 8, 31
	if start[0]&0x0f == deflate && (int(start[0])<<8|int(start[1]))%check == 0 {
		return zlib.NewReader(buffered)
	}
	return flate.NewReader(buffered), nil
}
