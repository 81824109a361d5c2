package urltest

// Targets are request targets that are legal, or that servers take without complaint, and that clients are known to
// change on the way.
func Targets() []string {
	return []string{
		"/",
		"/a//b/../c?b=2&a=1&x=%2f&y=a+b&flag",
		"//", "///", "//a", "//a//b", "/a//", "//a|b?x=1", "//ü/x", "//a\"b/", "//h/?q", "//h?",
		"/.", "/./", "/a/.", "/a/./b", "/a/..", "/a/b/..", "/a/../b", "/a/b/../../c", "/...", "/a/.../b", "/.well-known/x",
		"/%2e%2e/a", "/a/%2E/b", "/a%2fb", "/a%2Fb", "/%41", "/%7e", "/~", "/%c3%bc", "/%C3%BC", "/ü", "/日本語/x?y=ü",
		"/a%20b", "/a+b", "/a%2Bb", "/a%25b", "/a%00b", "/a%ffb", "/a%3Ab%40c%5B1%5D%3F%3D",
		"/!$&'()*+,;=:@", "/a:b/c@d", "/a=b&c", "/a;b;c=1", "/[a]", "/{a}", "/a|b", "/a^b", "/a`b", "/a\"b", "/<a>", "/a\\b",
		"/?", "/??", "/?a", "/?a=", "/?=a", "/?=", "/?a&b", "/?b&a", "/?a=1&a=2", "/?a=2&a=1", "/?b=1&a=1",
		"/?a=1=2", "/?a==", "/?a=b+c", "/?a=b%20c", "/?a=b%2Bc", "/?a=b%3Dc%26d", "/?a=%28b%29%21%2A",
		"/?a=%2f", "/?a=%2F", "/?a=/b/c?d", "/?t=12:30",
		"/?a=1&&b=2", "/?&a=1", "/?a=1&", "/?a=1;b=2", "/?a[]=1&a[]=2", "/?q={\"a\":1}", "/?q=<a>", "/?q=a|b^c`d\\e",
		"/?q=ü", "/?ü=1", "/?q=%c3%bc", "/?q=%FF", "/?a-b=1&a=2", "/?A=1&a=2", "/?a=~-._", "/?a=!$'()*,;:@/?", "/?%61=1",
	}
}
