// Command webecho is a web application that answers with the request as it came, byte for byte, or with one of the
// answers below. It has no HTTP library, which would change both.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const text = "Content-Type: text/plain\r\nContent-Length: "

var long = strings.Repeat("a line of text\n", 20)

// answers are what the application answers to a request for /answer/NAME.
var answers = map[string]string{
	"cookies":   "200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-Two: 1\r\nSet-Cookie: b=2; HttpOnly\r\nX-Two: 2\r\nVary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n",
	"redirect":  "302 Found\r\nLocation: /a%20b?c=d\r\nContent-Length: 0\r\n\r\n",
	"empty":     "204 No Content\r\nX-A: b\r\n\r\n",
	"unchanged": "304 Not Modified\r\nETag: \"a\"\r\n\r\n",
	"missing":   "404 Not Found\r\n" + text + "2\r\n\r\nno",
	"failing":   "500 Internal Server Error\r\n" + text + "5\r\n\r\nb\"r\nk",
	"gateway":   "502 Bad Gateway\r\n" + text + "2\r\n\r\nno",
	"teapot":    "418 Something Else\r\n" + text + "2\r\n\r\nno",
	"status":    "799 Odd\r\n" + text + "2\r\n\r\nno",
	"binary":    "200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n\x00\xff\n\"",
	"form":      "200 OK\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b",
	"untyped":   "200 OK\r\nContent-Length: 2\r\n\r\n\xffa",
	"text":      "200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 8\r\n\r\n\ufeffcaf\xff\n",
	"upper":     "200 OK\r\nContent-Type: Text/Plain\r\nContent-Length: 2\r\n\r\nab",
	"astext":    "200 OK\r\nContent-Type: application/x-own\r\nX-Lambda-Http-Content-Encoding: text\r\nContent-Length: 2\r\n\r\nab",
	"problem":   "200 OK\r\nContent-Type: application/problem+json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
	"script":    "200 OK\r\nContent-Type: application/javascript\r\nContent-Length: 2\r\n\r\n1;",
	"encoded":   "200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nab",
	"charset":   "200 OK\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\nContent-Length: 2\r\n\r\nab",
	"latin":     "200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Length: 1\r\n\r\n\xe9",
	"chunked":   "200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-After\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nX-After: d\r\n\r\n",
	"hops":      "200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\n" + text + "2\r\n\r\nab",
	"pragma":    "200 OK\r\nPragma: no-cache\r\n" + text + "2\r\n\r\nab",
	"odd":       "200 OK\r\nX-Empty:\r\nX-Spaces: \t a  b \t\r\nX-CamelCase: C\r\nX-Tab: a\tb\r\nX-Quote: \"\\\r\n" + text + "2\r\n\r\nab",
	"obs":       "200 OK\r\nX-Text: caf\xc3\xa9\r\n" + text + "2\r\n\r\nab",
	"obslatin":  "200 OK\r\nX-Text: caf\xe9\r\n" + text + "2\r\n\r\nab",
	"zero":      "200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"cut":       "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nab",
	"closed":    "200 OK\r\nContent-",
	"same":      "200 OK\r\nContent-Length: 2\r\nServer: own\r\nDate: Mon, 30 Nov 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nX-Amzn-RequestId: mine\r\n\r\nab",
	"early":     "103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n" + text + "2\r\n\r\nab",
	"unsized":   "200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\nab",
	"long":      "200 OK\r\nContent-Type: text/plain\r\nAccept-Ranges: bytes\r\nVary: origin\r\nContent-Length: " + strconv.Itoa(len(long)) + "\r\n\r\n" + long,
	"picture":   "200 OK\r\nContent-Type: image/png\r\nContent-Length: " + strconv.Itoa(len(long)) + "\r\n\r\n" + long,
	"drawing":   "200 OK\r\nContent-Type: image/svg+xml\r\nContent-Length: " + strconv.Itoa(len(long)) + "\r\n\r\n" + long,
	"pieces":    "200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
	"part":      "206 Partial Content\r\nContent-Range: bytes 0-299/900\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(long)) + "\r\n\r\n" + long,
}

func main() {
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Getenv("PORT"))
	for err == nil {
		var conn net.Conn
		if conn, err = listener.Accept(); err == nil {
			go serve(conn)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serve(conn net.Conn) {
	defer conn.Close()
	for reader := bufio.NewReader(conn); ; {
		var lines []string
		for {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSuffix(line, "\r\n"); line == "" {
				break
			}
			lines = append(lines, line)
		}
		length := 0
		for _, line := range lines {
			if name, value, _ := strings.Cut(line, ": "); strings.EqualFold(name, "content-length") {
				length, _ = strconv.Atoi(value)
			}
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(reader, body); err != nil {
			return
		}
		if !answer(conn, lines, body) {
			return
		}
	}
}

// answer reports whether the connection can carry another request.
func answer(conn net.Conn, lines []string, body []byte) bool {
	method, rest, _ := strings.Cut(lines[0], " ")
	path, _, _ := strings.Cut(rest, "?")
	path, _, _ = strings.Cut(path, " ")
	_, name, _ := strings.Cut(path, "/answer/")
	if name == "events" {
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n")
		for i := range 3 {
			fmt.Fprintf(conn, "9\r\ndata: %d\n\n\r\n", i)
			time.Sleep(300 * time.Millisecond)
		}
		fmt.Fprint(conn, "0\r\n\r\n")
		return true
	}
	raw, found := answers[name]
	if !found {
		echo, _ := json.Marshal(map[string]any{"lines": lines, "body": body})
		raw = fmt.Sprintf("200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(echo), echo)
	}
	if method == "HEAD" {
		head, _, _ := strings.Cut(raw, "\r\n\r\n")
		raw = head + "\r\n\r\n"
	}
	_, err := io.WriteString(conn, "HTTP/1.1 "+raw)
	return err == nil && name != "unsized" && name != "cut" && name != "closed"
}
