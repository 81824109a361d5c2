package listener_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/listener"
)

func TestHosts(t *testing.T) {
	var named listener.Hosts
	for _, name := range []string{
		"Furl.Example.", "build_host", "10.0.0.7", "2001:DB8::0:1", "xn--mnchen-3ya.example",
	} {
		if err := named.Allow(name); err != nil {
			t.Error(err)
		}
	}
	for _, test := range []struct {
		hosts             string
		nothing           bool // without a name
		names, everywhere bool // with these names, with all addresses
	}{
		{"localhost LOCALHOST:80 localhost. a.b.localhost:9000", true, true, true},
		{"127.0.0.1 127.0.0.1:80 127.255.255.254:1", true, true, true},
		{"[::1] [::1]:80 [0:0::1] [::ffff:127.0.0.1]:80 [::1", true, true, true},
		{"furl.example FURL.example:80 furl.example.:80 build_host xn--mnchen-3ya.example", false, true, false},
		{"10.0.0.7:80 [2001:db8::1]:80 [2001:db8:0:0::1] [::ffff:10.0.0.7]", false, true, true},
		{"10.0.0.8 0.0.0.0:80 [::]:80 169.254.169.254 128.0.0.1", false, false, true},
		{"evil.example x.furl.example furl.example.evil.example evilfurl.example", false, false, false},
		{"localhost.evil.example evillocalhost .localhost.x", false, false, false},
		{"127.0.0.1.evil.example 127.0.0.1.nip.io", false, false, false},
		{"2130706433 0x7f.1 0x7f000001 127.1 0177.0.0.1 017700000001 127.0.0.1:80:80", false, false, false},
		{":80 . localhost:80@evil.example evil.example:127.0.0.1 localhost..", false, false, false},
	} {
		for host := range strings.FieldsSeq(test.hosts) {
			for hosts, want := range map[*listener.Hosts]bool{
				{}: test.nothing, &named: test.names, {Addresses: true}: test.everywhere,
			} {
				if got := hosts.Have(host); got != want {
					t.Errorf("%q among %+v: %v", host, *hosts, got)
				}
			}
		}
	}
	if named.Have("") {
		t.Error("no name is among them")
	}
	for _, name := range []string{
		"", ".", "x:80", "http://x", "x/y", "[::1]", "*", "*.example", "a b", "a,b", "user@x", "münchen.example",
	} {
		if err := named.Allow(name); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}
