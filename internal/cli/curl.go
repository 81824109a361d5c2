package cli

import "strings"

// curlWays are the options of curl 8.16 that furl call does not have, as LONG or LONG|SHORT, and what to type instead.
// Those without a way do nothing for a function URL that a signed request needs; furl sign gives them to curl.
var curlWays = []struct{ options, way string }{
	{"aws-sigv4", "leave it out: furl call signs every request; --service and --region say for what"},
	{
		"user|u basic digest ntlm ntlm-wb negotiate anyauth delegation netrc|n netrc-file netrc-optional",
		"--profile NAME, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: furl call takes the keys from the AWS configuration",
	},
	{"oauth2-bearer", "-H 'X-Authorization: Bearer TOKEN': the signature takes the header Authorization"},
	{"url", "the URL alone, without a flag"},
	{"url-query", "the URL with the query, or -G --data-urlencode NAME=VALUE"},
	{"next|:", "one furl call for each request"},
	{"cookie|b", "-H 'Cookie: NAME=VALUE'"},
	{"cookie-jar|c junk-session-cookies|j", "-i, which prints the cookies, and -H 'Cookie: NAME=VALUE' for the next call"},
	{"referer|e", "-H 'Referer: URL'"},
	{"range|r continue-at|C", "-H 'Range: bytes=FIRST-LAST'"},
	{"time-cond|z", "-H 'If-Modified-Since: DATE'"},
	{"etag-compare etag-save", "-i, which prints the ETag, and -H 'If-None-Match: ETAG'"},
	{"data-ascii", "--data"},
	{"dump-header|D", "-i, or -I for the headers alone"},
	{"output-dir create-dirs create-file-mode", "-o DIR/FILE, in a directory that exists"},
	{"remote-header-name|J remote-name-all", "-O, or -o FILE"},
	{"no-buffer|N", "leave it out: furl call writes the response as it arrives"},
	{"progress-bar|# no-progress-meter", "leave it out, or -s for no progress"},
	{"proxy|x preproxy socks5 socks5-hostname", "HTTPS_PROXY=ADDRESS before the command"},
	{"proxy-user|U", "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT before the command"},
	{"noproxy", "NO_PROXY=HOST before the command"},
	{"capath ca-native", "--cacert FILE"},
	{"connect-to dns-servers ipv4|4 ipv6|6", "--resolve HOST:PORT:ADDRESS"},
	{"location-trusted", "-L: furl call signs again for the same host only"},
	{"follow", "-L"},
	{"post301 post302 post303", "-L -X POST"},
	{"retry-all-errors retry-connrefused retry-delay retry-max-time", "--retry N and --max-time SECONDS"},
	{"parallel|Z parallel-immediate parallel-max parallel-max-host", "--repeat N --concurrency N"},
	{"trace trace-ascii trace-config trace-ids trace-time", "-v"},
	{"libcurl", "furl sign URL --as curl"},
	{"stderr", "2>FILE after the command"},
	{"config|K disable|q", "the flags on the command line: furl call reads no configuration of curl"},
	{"variable", "variables of the shell"},
	{"manual|M", "furl call --help"},
	{"version|V", "furl version"},
	{
		"http1.1 http1.0|0 http0.9 http2 http2-prior-knowledge http3 http3-only",
		"leave it out: function URLs speak HTTP/1.1",
	},
	{"request-target", "the path in the URL, which furl call sends as it is"},
	{"max-filesize", "-o FILE and the shell's ulimit -f"},
	{"tr-encoding", "--compressed"},
	{"tlsv1|1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 tls-max sslv2|2 sslv3|3", "leave it out: furl call speaks TLS 1.2 and 1.3"},
	{"fail-early", "--fail"},
	{`abstract-unix-socket alt-svc append|a cert|E cert-status cert-type ciphers compressed-ssh crlf crlfile curves
disable-eprt disable-epsv disallow-username-in-url dns-interface dns-ipv4-addr dns-ipv6-addr doh-cert-status
doh-insecure doh-url dump-ca-embed ech egd-file engine expect100-timeout false-start form-escape ftp-account
ftp-alternative-to-user ftp-create-dirs ftp-method ftp-pasv ftp-port|P ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-ccc-mode ftp-ssl-control
happy-eyeballs-timeout-ms haproxy-clientip haproxy-protocol hostpubmd5 hostpubsha256 hsts ignore-content-length
interface ip-tos ipfs-gateway keepalive-cnt keepalive-time key key-type knownhosts krb limit-rate list-only|l local-port
login-options mail-auth mail-from mail-rcpt mail-rcpt-allowfails metalink mptcp no-alpn no-clobber no-keepalive no-npn
no-sessionid out-null pass pinnedpubkey proto proto-default proto-redir proxy-anyauth proxy-basic proxy-ca-native
proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile proxy-digest proxy-header proxy-http2
proxy-insecure proxy-key proxy-key-type proxy-negotiate proxy-ntlm proxy-pass proxy-pinnedpubkey proxy-service-name
proxy-ssl-allow-beast proxy-ssl-auto-client-cert proxy-tls13-ciphers proxy-tlsauthtype proxy-tlspassword proxy-tlsuser
proxy-tlsv1 proxy1.0 proxytunnel|p pubkey quote|Q random-file raw remote-time|R remove-on-error sasl-authzid sasl-ir
service-name sigalgs skip-existing socks4 socks4a socks5-basic socks5-gssapi socks5-gssapi-nec socks5-gssapi-service
speed-limit|Y speed-time|y ssl ssl-allow-beast ssl-auto-client-cert ssl-no-revoke ssl-reqd ssl-revoke-best-effort
ssl-sessions styled-output suppress-connect-headers tcp-fastopen tcp-nodelay telnet-option|t tftp-blksize
tftp-no-options tls-earlydata tls13-ciphers tlsauthtype tlspassword tlsuser unix-socket upload-flags use-ascii|B
vlan-priority xattr`, "furl sign URL --as curl, which prints the signed curl command to add it to"},
}

// curlOption finds an option of curl that furl call lacks, by its long or short name, and what to type instead.
func curlOption(name string) (option, way string, ok bool) {
	positive := strings.TrimPrefix(name, "no-")
	for _, row := range curlWays {
		for _, names := range strings.Fields(row.options) {
			long, short, _ := strings.Cut(names, "|")
			switch {
			case long == name || long == positive && len(name) > 1:
				return "--" + name, row.way, true
			case short == name && short != "":
				return "-" + short + " (--" + long + ")", row.way, true
			}
		}
	}
	return "", "", false
}
