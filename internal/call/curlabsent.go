package call

// curlAbsent are the options of curl that furl call does not have, as LONG or LONG|SHORT, with + behind those that curl
// has had since a later version than CurlVersion. Those without an instead do nothing for a function URL that a signed
// request needs; furl sign gives them to curl.
var curlAbsent = [...]struct{ options, why, instead string }{
	{
		"digest ntlm ntlm-wb negotiate anyauth delegation netrc|n netrc-file netrc-optional login-options",
		"function URLs take signatures; -u sends Basic to what stands in front of them",
		"--profile NAME, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: furl call takes the keys from the AWS configuration",
	},
	{"next|:", "all URLs of a command get the same request", "one furl call for each request"},
	{"continue-at|C", "Lambda has no files to continue", "--range FIRST-"},
	{"time-cond|z", "one header does it", "-H 'If-Modified-Since: DATE'"},
	{"etag-compare etag-save", "one header does it", "-i, which prints the ETag, and -H 'If-None-Match: ETAG'"},
	{"create-file-mode", "files get the mode that the umask leaves", "umask in a shell before the command"},
	{"progress-bar|#", "there is one form of progress", "leave it out, or -s for no progress"},
	{"preproxy socks4 socks4a proxy1.0", "SOCKS5 and HTTP/1.1 are what proxies speak", "--proxy SCHEME://HOST:PORT"},
	{"capath ca-native+", "a file holds as many certificates", "--cacert FILE"},
	{"dns-servers", "the system's resolver looks up names", "--resolve HOST:PORT:ADDRESS"},
	{
		"location-trusted", "credentials never go to another host",
		"-L: furl call signs again for the same host only",
	},
	{"follow+", "-L keeps and drops methods as RFC 9110 says", "-L"},
	{
		"retry-all-errors retry-connrefused retry-delay retry-max-time",
		"--retry repeats what may pass, and waits as the server says",
		"--retry N and --max-time SECONDS",
	},
	{
		"parallel|Z parallel-immediate parallel-max parallel-max-host+",
		"the URLs of a command are called one after the other",
		"--repeat N --concurrency N",
	},
	{"trace trace-ascii trace-config+ trace-ids+ trace-time", "they show secrets", "-v"},
	{"libcurl", "furl is no libcurl", "furl sign URL --as curl"},
	{"stderr", "shells do it", "2>FILE after the command"},
	{"variable+", "shells do it", "variables of the shell"},
	{"manual|M", "furl has no manual of curl", "furl call --help"},
	{"version|V", "it is a command", "furl version"},
	{
		"http1.0|0 http0.9 http2-prior-knowledge http3 http3-only", "function URLs speak HTTP/1.1",
		"leave it out: function URLs speak HTTP/1.1",
	},
	{"request-target", "the target goes out as typed", "the path in the URL, which furl call sends as it is"},
	{"max-filesize", "shells do it", "-o FILE and the shell's ulimit -f"},
	{"tr-encoding", "HTTP/1.1 servers do not do it", "--compressed"},
	{
		"tlsv1|1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tls-max sslv2|2 sslv3|3", "AWS speaks TLS 1.2 and 1.3",
		"leave it out: furl call speaks TLS 1.2 and 1.3",
	},
	{
		`no-alpn no-npn no-keepalive no-sessionid keepalive-time keepalive-cnt+ tcp-nodelay tcp-fastopen
		suppress-connect-headers styled-output ssl-no-revoke ssl-revoke-best-effort ssl-allow-beast false-start random-file egd-file`,
		"it changes nothing that a server or a script sees", "leave it out",
	},
	{
		`append|a compressed-ssh crlf disable-eprt disable-epsv ftp-account ftp-alternative-to-user ftp-create-dirs ftp-method
		ftp-pasv ftp-port|P ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-ccc-mode ftp-ssl-control hostpubmd5 hostpubsha256
		ipfs-gateway+ knownhosts+ krb list-only|l mail-auth mail-from mail-rcpt mail-rcpt-allowfails metalink pubkey quote|Q
		sasl-authzid sasl-ir ssl ssl-reqd telnet-option|t tftp-blksize tftp-no-options upload-flags+ use-ascii|B`,
		"it is of a protocol other than HTTP", "",
	},
	{
		`cert|E cert-status cert-type ciphers crlfile curves dump-ca-embed+ ech+ engine key key-type pass pinnedpubkey
		sigalgs+ ssl-auto-client-cert ssl-sessions+ tls-earlydata+ tls13-ciphers tlsauthtype tlspassword tlsuser`,
		"function URLs ask for no client certificate, and Go chooses what TLS needs", "",
	},
	{
		`proxy-anyauth proxy-ca-native+ proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile
		proxy-digest proxy-header proxy-http2+ proxy-insecure proxy-key proxy-key-type proxy-negotiate proxy-ntlm proxy-pass
		proxy-pinnedpubkey proxy-service-name proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tls13-ciphers
		proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-tlsv1 haproxy-clientip+ haproxy-protocol service-name
		socks5-basic socks5-gssapi socks5-gssapi-nec socks5-gssapi-service`,
		"a proxy gets a user and a password, and no more", "",
	},
	{
		`abstract-unix-socket alt-svc disallow-username-in-url dns-interface dns-ipv4-addr dns-ipv6-addr doh-cert-status
		doh-insecure doh-url expect100-timeout form-escape happy-eyeballs-timeout-ms hsts ignore-content-length interface
		ip-tos+ local-port mptcp+ no-clobber out-null+ proto proto-redir raw remote-time|R remove-on-error skip-existing+
		speed-limit|Y speed-time|y unix-socket vlan-priority+ xattr`,
		"a function URL does not need it", "",
	},
}
