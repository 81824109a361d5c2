package trace

import (
	"crypto/rand"
	"encoding/hex"
	"hash/fnv"
	"time"
)

// NewRequestID is a random UUID (version 4), the form of every AWS request id.
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var text [36]byte
	hex.Encode(text[0:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// NewXRayID is the id of a new X-Ray trace, without the "Root=" before it: version 1, eight hexadecimal digits of
// time, 24 at random (AWS X-Ray Developer Guide, "Sending trace data").
func NewXRayID(now time.Time) string {
	var random [12]byte
	rand.Read(random[:]) // never fails
	seconds := uint32(now.Unix())
	b := [16]byte{byte(seconds >> 24), byte(seconds >> 16), byte(seconds >> 8), byte(seconds)}
	copy(b[4:], random[:])
	var text [35]byte
	copy(text[:], "1-")
	hex.Encode(text[2:10], b[:4])
	text[10] = '-'
	hex.Encode(text[11:], b[4:])
	return string(text[:])
}

// XRayHeader is the X-Amzn-Trace-Id header of a function URL's answer, in the form of 2025:
// Root=1-…;Parent=…;Sampled=0;Lineage=1:…:0. The parent is made of the request id, the lineage of the function's ARN.
func XRayHeader(xray, requestID, functionARN string) string {
	function := fnv.New32a()
	function.Write([]byte(functionARN)) // never fails
	var lineage [8]byte
	hex.Encode(lineage[:], function.Sum(nil))
	return "Root=" + xray + ";Parent=" + requestID[:8] + requestID[9:13] + requestID[14:18] + ";Sampled=0;Lineage=1:" + string(lineage[:]) + ":0"
}
