package listener_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/listener"
)

func TestHosts(t *testing.T) {
	var named listener.Hosts
	for _, name := range []string{"Furl.Example.", "build_host", "10.0.0.7", "2001:DB8::0:1", "xn--mnchen-3ya.example"} {
		if err := named.Allow(name); err != nil {
			t.Error(err)
		}
	}
	for name, hosts := range map[string]listener.Hosts{"none": {}, "named": named, "addresses": {Addresses: true}} {
		for host, among := range map[string]string{
			"localhost": "none named addresses", "LOCALHOST:80": "none named addresses", "localhost.": "none named addresses", "a.b.localhost:9000": "none named addresses",
			"127.0.0.1": "none named addresses", "127.0.0.1:80": "none named addresses", "127.255.255.254:1": "none named addresses",
			"[::1]": "none named addresses", "[::1]:80": "none named addresses", "[0:0::1]": "none named addresses", "[::ffff:127.0.0.1]:80": "none named addresses",
			"furl.example": "named", "FURL.example:80": "named", "furl.example.:80": "named", "build_host": "named", "xn--mnchen-3ya.example": "named",
			"10.0.0.7:80": "named addresses", "[2001:db8::1]:80": "named addresses", "[2001:db8:0:0::1]": "named addresses", "[::ffff:10.0.0.7]": "named addresses",
			"10.0.0.8": "addresses", "0.0.0.0:80": "addresses", "[::]:80": "addresses", "169.254.169.254": "addresses", "128.0.0.1": "addresses",
			"evil.example": "", "x.furl.example": "", "furl.example.evil.example": "", "evilfurl.example": "",
			"localhost.evil.example": "", "evillocalhost": "", "127.0.0.1.evil.example": "", "127.0.0.1.nip.io": "", ".localhost.x": "",
			"2130706433": "", "0x7f.1": "", "0x7f000001": "", "127.1": "", "0177.0.0.1": "", "017700000001": "", "127.0.0.1:80:80": "", "[::1": "none named addresses",
			"": "", ":80": "", ".": "", "localhost:80@evil.example": "", "evil.example:127.0.0.1": "", "localhost..": "",
		} {
			want := false
			for word := range strings.FieldsSeq(among) {
				want = want || word == name
			}
			if got := hosts.Have(host); got != want {
				t.Errorf("%s, %q: %v", name, host, got)
			}
		}
	}
	for _, name := range []string{"", ".", "x:80", "http://x", "x/y", "[::1]", "*", "*.example", "a b", "a,b", "user@x", "münchen.example"} {
		if err := named.Allow(name); err == nil {
			t.Errorf("%q is taken for a name", name)
		}
	}
}
