package call_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/call"
)

// Of an exchange a HAR keeps all but what lets a reader act as the caller, wherever it stands.
func TestHARHidesSecrets(t *testing.T) {
	var archive call.HAR
	archive.Add(call.Record{
		Start: time.Date(2026, 11, 30, 12, 0, 0, 5e6, time.UTC), Method: "GET", Proto: "HTTP/1.1", Status: 302, Reason: "Found",
		URL: "https://user:s3cr3t@host.example/a?X-Amz-Signature=s3cr3t&x-amz-security-token=s3cr3t&%58-Amz-Signature=s3cr3t&b=1",
		Sent: []call.HeaderField{
			{"Authorization", "Basic czNjcjN0"}, {"authorization", "Bearer s3cr3t"}, {"Proxy-Authorization", "Basic s3cr3t"},
			{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=01234567s3cr3ts3cr3t"},
			{"x-amz-security-token", "s3cr3t"}, {"Cookie", "a=s3cr3t; b=s3cr3t"},
			{"Referer", "http://u:s3cr3t@h/?X-Amz-Security-Token=s3cr3t"}, {"X-Seen", "seen"},
		},
		Received: []call.HeaderField{
			{"Set-Cookie", "c=s3cr3t; Path=/"}, {"location", "/x?X-Amz-Signature=s3cr3t&c=2"}, {"Content-Type", "text/plain"},
		},
		SentBody: []byte("true"), SentSize: 10, ReceivedBody: []byte("body"), ReceivedSize: 4,
	})
	var text bytes.Buffer
	if err := archive.Write(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "s3cr3t") || strings.Contains(text.String(), "czNjcjN0") {
		t.Errorf("a secret is in\n%s", &text)
	}
	for _, want := range []string{
		`"startedDateTime": "2026-11-30T12:00:00.005Z"`, `"url": "https://(hidden)@host.example/a?X-Amz-Signature=(hidden)&`, "&b=1",
		"Credential=AKIA/x", "Basic (hidden)", `"value": "seen"`, `"redirectURL": "/x?X-Amz-Signature=(hidden)&c=2"`,
		`"text": "true"`, `"comment": "the first 4 of 10 bytes"`, `"text": "body"`, "a=(hidden); b=(hidden)"[:10],
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, &text)
		}
	}
}

// A HAR without exchanges is one, too.
func TestEmptyHAR(t *testing.T) {
	var archive call.HAR
	var text bytes.Buffer
	if err := archive.Write(&text); err != nil || !strings.Contains(text.String(), `"entries": []`) {
		t.Errorf("%s, %v", &text, err)
	}
}
