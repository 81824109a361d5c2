package wire_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/google/go-cmp/cmp"
)

func TestDocument(t *testing.T) {
	type member struct{ Key, Value string }
	type paged struct {
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}
	type result struct {
		Text     string
		Empty    string
		Left     string `xml:",omitempty"`
		Number   int
		When     time.Time
		Never    time.Time
		Nothing  *member
		Void     *struct{}
		Names    []string
		NoNames  []string
		Dropped  []string `xml:",omitempty"`
		Members  []member
		Count    map[string]int
		Details  map[string]string `xml:",omitempty"`
		Optional *int
		paged
	}
	got := wire.Document("GetXResponse", "https://example.com/doc/", "GetXResult", result{
		Text: `<a & "b" & 'c'>` + "\x00\r\n\t\xff", Number: -7,
		When: time.Date(2026, 11, 23, 16, 26, 50, 999_000_000, time.FixedZone("", 3600)),
		Void: &struct{}{}, Names: []string{"x", ""}, Members: []member{{"k", "v"}},
		Count: map[string]int{"b": 2, "a": 1}, Optional: pointer(16), paged: paged{IsTruncated: true, Marker: "m"},
	})
	want := `<GetXResponse xmlns="https://example.com/doc/">
  <GetXResult>
    <Text>&lt;a &amp; "b" &amp; 'c'&gt;` + "\uFFFD&#xD;\n\t\uFFFD" + `</Text>
    <Empty/>
    <Number>-7</Number>
    <When>2026-11-23T15:26:50Z</When>
    <Void/>
    <Names>
      <member>x</member>
      <member/>
    </Names>
    <NoNames/>
    <Members>
      <member>
        <Key>k</Key>
        <Value>v</Value>
      </member>
    </Members>
    <Count>
      <entry>
        <key>a</key>
        <value>1</value>
      </entry>
      <entry>
        <key>b</key>
        <value>2</value>
      </entry>
    </Count>
    <Optional>16</Optional>
    <IsTruncated>true</IsTruncated>
    <Marker>m</Marker>
  </GetXResult>
</GetXResponse>
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzDocument: whatever the text, the document is XML and holds it.
func FuzzDocument(f *testing.F) {
	f.Add("plain")
	f.Add("</Text><Text>")
	f.Add("&amp;\r\n\x01\xf0\x28\uFFFE")
	f.Fuzz(func(t *testing.T, text string) {
		document := wire.Document("R", "ns", "Text", text)
		decoder := xml.NewDecoder(strings.NewReader(document))
		var content strings.Builder
		depth := 0
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %q", err, document)
			}
			switch token := token.(type) {
			case xml.StartElement:
				depth++
			case xml.EndElement:
				depth--
			case xml.CharData:
				if depth == 2 {
					content.Write(token)
				}
			}
		}
		want := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\uFFFE' || r == '\uFFFF' {
				return '\uFFFD'
			}
			return r
		}, text)
		if content.String() != want {
			t.Errorf("%q came back as %q", want, content.String())
		}
	})
}
