//go:build unix

package attack_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// A link to a function's code is good for that code and for ten minutes, and cannot be made up.
func TestCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var function struct{ Code struct{ Location string } }
	if err := json.Unmarshal([]byte(w.rootA.lambda(t, "GET", "/2015-03-31/functions/target", "").body),
		&function); err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(function.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	get := func(target string) answer { return w.unsigned.ask(t, "GET", target, "") }
	if a := get(link.RequestURI()); a.status != 200 || !strings.HasPrefix(a.body, "PK") {
		t.Fatalf("the link: %v", a)
	}
	name, query := strings.TrimPrefix(link.Path, "/_furl/code/"), link.Query()
	expires, signature := query.Get("expires"), query.Get("signature")
	code := func(name, expires, signature string) string {
		return "/_furl/code/" + name + "?expires=" + expires + "&signature=" + signature
	}
	for _, target := range []string{
		"/_furl/code/" + name,
		"/_furl/code/" + name + "?expires=" + expires,
		"/_furl/code/" + name + "?signature=" + signature,
		code(name, "99"+expires, signature),
		code(name, expires+"0", signature),
		code(name, expires, ""),
		code(name, expires, signature[:62]),
		code(name, expires, strings.Repeat("0", 64)),
		code(name, expires, signature+"00"),
		code(name+"%0a", expires, signature),
		code(strings.ToUpper(name), expires, signature),
		code(name[:60], expires, signature),
		code("../code/"+name, expires, signature),
		code("..%2f..%2fetc%2fpasswd", expires, signature),
		code("%2e%2e/furl.db", expires, signature),
		code("", expires, signature),
		code(name+"/../x", expires, signature),
	} {
		if a := get(target); a.status != 403 || strings.Contains(a.body, "PK") {
			t.Errorf("%s: %v", target, a)
		}
	}
	w.ahead.Store(int64(11 * 60 * 1e9))
	if a := get(link.RequestURI()); a.status != 403 {
		t.Errorf("after ten minutes: %v", a)
	}
}
