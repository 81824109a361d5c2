package sigv4_test

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// field is a header field of HTTP/2, as no client writes it.
type field struct{ name, value string }

// fieldsOf are the fields of the request whose bytes in HTTP/1.1 these are.
func fieldsOf(t *testing.T, text string) []field {
	t.Helper()
	r := read(t, text)
	fields := []field{{":method", r.Method}, {":scheme", "https"}, {":path", r.RequestURI}, {":authority", r.Host}}
	for name, values := range r.Header {
		for _, value := range values {
			fields = append(fields, field{strings.ToLower(name), value})
		}
	}
	return fields
}

const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	frameGoAway   = 7

	endStream  = 1
	endHeaders = 4
)

func appendFrame(dst []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	dst = append(dst, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind, flags)
	dst = binary.BigEndian.AppendUint32(dst, stream)
	return append(dst, payload...)
}

// appendText appends a text as RFC 7541, 5.2 has it, not compressed.
func appendText(dst []byte, text string) []byte {
	if len(text) < 127 {
		dst = append(dst, byte(len(text)))
	} else {
		dst = append(dst, 127)
		dst = binary.AppendUvarint(dst, uint64(len(text)-127)) // which is the integer of RFC 7541, 5.1
	}
	return append(dst, text...)
}

// exchangeFrames sends the fields over a connection of their own. ok is false if the HTTP layer refuses them.
func exchangeFrames(t *testing.T, client *http.Client, base string, fields []field) (a answer, ok bool) {
	t.Helper()
	server, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", server.Host, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	var block []byte
	for _, f := range fields {
		block = appendText(append(block, 0), f.name) // a literal that is not to be remembered
		block = appendText(block, f.value)
	}
	wire := appendFrame([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frameSettings, 0, 0, nil)
	if _, err := conn.Write(appendFrame(wire, frameHeaders, endStream|endHeaders, 1, block)); err != nil {
		t.Fatal(err)
	}
	var body []byte
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		payload := make([]byte, binary.BigEndian.Uint32(head)>>8)
		if _, err := io.ReadFull(conn, payload); err != nil {
			t.Fatal(err)
		}
		switch head[3] {
		case frameReset, frameGoAway:
			return answer{}, false
		case frameData:
			body = append(body, payload...)
		}
		if kind := head[3]; (kind == frameData || kind == frameHeaders) && head[4]&endStream != 0 {
			return a, json.Unmarshal(body, &a) == nil
		}
	}
}

// TestHTTP2Frames: what a hostile client can say in HTTP/2 that no library would.
func TestHTTP2Frames(t *testing.T) {
	t.Parallel()
	client, base := http2Server(t)
	const refused = "refused by the HTTP layer"
	good := raw{}.header()
	add := func(fields ...field) func([]field) []field {
		return func(all []field) []field { return append(all, fields...) }
	}
	set := func(name, value string) func([]field) []field {
		return func(all []field) []field {
			for i := range all {
				if all[i].name == name {
					all[i].value = value
				}
			}
			return all
		}
	}
	rename := func(name, to string) func([]field) []field {
		return func(all []field) []field {
			i := slices.IndexFunc(all, func(f field) bool { return f.name == name })
			f := field{to, all[i].value}
			return append(slices.Delete(all, i, i+1), f)
		}
	}
	for _, tt := range []struct {
		name string
		text string
		edit func([]field) []field
		kind string
	}{
		{"as it should be", good, add(), accepted},
		{"host for :authority", good, rename(":authority", "host"), accepted},
		{"another host beside :authority", good, add(field{"host", "other.example"}), accepted}, // which nobody sees
		{"the host that was signed beside another :authority", good, func(all []field) []field {
			return add(field{"host", host})(set(":authority", "other.example")(all))
		}, mismatch},
		{"two of :authority", good, add(field{":authority", "other.example"}), refused},
		{"two hosts", good, func(all []field) []field {
			return add(field{"host", "other.example"})(rename(":authority", "host")(all))
		}, accepted}, // as the first, which is the one the handler sees
		{"two hosts, the signed one last", good, func(all []field) []field {
			return add(field{"host", host})(set("host", "other.example")(rename(":authority", "host")(all)))
		}, mismatch},
		{"a name in capitals", good, rename("authorization", "Authorization"), refused},
		{"a name with a colon", good, rename("x-amz-date", "x-amz-date:"), refused},
		{"a line feed in a value", good, add(field{"x-a", "b\nx-role: admin"}), refused},
		{"a null byte in a value", good, add(field{"x-a", "b\x00"}), refused},
		{"a header of the connection", good, add(field{"connection", "x-amz-date"}), refused},
		{"a coding", good, add(field{"transfer-encoding", "chunked"}), refused},
		{"two authorizations", good, add(field{"authorization", "AWS4-HMAC-SHA256 Credential=x"}), mismatch},
		{"two dates", good, add(field{"x-amz-date", "20261123T150405Z"}), mismatch},
		{"another path", good, set(":path", "/admin"), mismatch},
		{"slashes in the path", good, set(":path", "//"), accepted}, // which normalizes to what was signed
		{"a path above the root", good, set(":path", "/.."), malformed},
		{"another method", good, set(":method", "PUT"), mismatch},
		{"a cookie in crumbs", raw{lines: []string{"Cookie: a=b; c=d"}, sign: []string{"cookie"}}.header(),
			func(all []field) []field {
				return add(field{"cookie", "c=d"})(set("cookie", "a=b")(all))
			}, accepted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, ok := exchangeFrames(t, client, base, tt.edit(fieldsOf(t, tt.text)))
			if !ok {
				a.Kind = refused
			}
			if a.Kind != tt.kind {
				t.Errorf("got %+v, want %q", a, tt.kind)
			}
		})
	}
}
