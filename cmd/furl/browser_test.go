//go:build unix

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
)

// browse is a browser that furl console starts. It writes what it was told and what it saw to $SEEN, and uses the ticket
// unless $BROWSER_IS is blind; if that is broken, it fails.
func browse() {
	seen := ""
	err := errors.Join(look(&seen), os.WriteFile(os.Getenv("SEEN"), []byte(seen+"closed\n"), 0o600))
	if err != nil || os.Getenv("BROWSER_IS") == "broken" {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func look(seen *string) error {
	if os.Getenv("BROWSER_IS") == "broken" {
		return nil
	}
	words := os.Args[1:]
	if told, err := os.ReadFile("/proc/self/cmdline"); err == nil {
		words = strings.Split(strings.TrimSuffix(string(told), "\x00"), "\x00")[1:]
	}
	file := words[len(words)-1]
	info, err := os.Lstat(file)
	if err != nil {
		return err
	}
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	script := regexp.MustCompile(`location\.replace\("([^"]+)"\)`).FindSubmatch(page)
	link := regexp.MustCompile(`<a href="([^"]+)">`).FindSubmatch(page)
	if script == nil || link == nil || !bytes.Equal(script[1], link[1]) {
		return fmt.Errorf("the file has no link: %s", page)
	}
	address, err := url.Parse(string(link[1]))
	if err != nil {
		return err
	}
	ticket := strings.TrimPrefix(address.Fragment, "ticket=")
	if strings.Contains(strings.Join(append(os.Environ(), words...), " "), ticket) {
		return errors.New("the ticket is in the arguments or in the environment")
	}
	*seen = fmt.Sprintf("words %d\nmode %s\npage http://%s%s\n", len(words), info.Mode(),
		strings.TrimSuffix(address.Host, ":"+address.Port()), address.Path)
	if os.Getenv("BROWSER_IS") == "blind" {
		return nil
	}
	const site = "same-origin"
	request, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+address.Port()+"/_furl/v1/session",
		strings.NewReader(`{"ticket":"`+ticket+`"}`))
	if err != nil {
		return err
	}
	request.Host = address.Host
	request.Header = http.Header{
		"Origin": {"http://" + address.Host}, "Sec-Fetch-Site": {site}, "Content-Type": {"application/json"},
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	*seen += fmt.Sprintf("session %s %t\n", response.Status, strings.HasPrefix(string(answer), `{"token":"`))
	return err
}
