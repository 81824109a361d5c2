//go:build unix

package interop_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// presigners are clients that make URLs and send nothing.
func presigners() []client {
	return []client{
		inPython(viaBotocoreURL),
		inNode(viaAWS4FetchURL),
		inNode(viaSmithyURL),
		inRust(viaRustURL),
		{name: viaGoURL, need: func(*testing.T) {}, run: presignInGo},
	}
}

// sending is the presigner with somebody who sends each URL as it stands, with the method and the body it is meant for.
func sending(presigner client) client {
	sender := presigner
	sender.run = func(t *testing.T, env []string, cases []signCase) []outcome {
		outcomes := presigner.run(t, env, cases)
		if len(outcomes) != len(cases) {
			t.Fatalf("%d URLs of %d cases", len(outcomes), len(cases))
		}
		for i := range outcomes {
			if outcomes[i].Error == "" {
				outcomes[i] = sendURL(t, &cases[i], outcomes[i].URL)
			}
		}
		return outcomes
	}
	return sender
}

// presignInGo presigns as the documentation of PresignHTTP shows.
func presignInGo(t *testing.T, env []string, cases []signCase) []outcome {
	keys := aws.Credentials{
		AccessKeyID: variable(env, "AWS_ACCESS_KEY_ID"), SecretAccessKey: variable(env, "AWS_SECRET_ACCESS_KEY"),
		SessionToken: variable(env, "AWS_SESSION_TOKEN"),
	}
	signer := v4.NewSigner()
	presign := func(c *signCase) (string, error) {
		request, err := http.NewRequestWithContext(t.Context(), c.Method, c.URL, bytes.NewReader(c.body))
		if err != nil {
			return "", err
		}
		query := request.URL.Query()
		query.Set("X-Amz-Expires", strconv.Itoa(c.Expires))
		request.URL.RawQuery = query.Encode()
		hash := sha256.Sum256(c.body)
		url, _, err := signer.PresignHTTP(t.Context(), keys, request, hex.EncodeToString(hash[:]), "lambda", region, time.Now())
		return url, err
	}
	var outcomes []outcome
	for i := range cases {
		o := outcome{ID: cases[i].ID}
		var err error
		if o.URL, err = presign(&cases[i]); err != nil {
			o.Error = err.Error()
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// sendURL sends a URL without changing a byte. A URL with spaces cannot be sent.
func sendURL(t *testing.T, c *signCase, url string) outcome {
	t.Helper()
	o := outcome{ID: c.ID, URL: url}
	host, target, ok := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if !ok || strings.Contains(url, " ") {
		o.Error = "it makes no URL: " + url
		return o
	}
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "%s /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", c.Method, target, host, len(c.body), c.body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: c.Method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	o.Status, o.Body = response.StatusCode, string(body)
	o.ErrorType, o.RequestID = response.Header.Get("X-Amzn-Errortype"), response.Header.Get("X-Amzn-Requestid")
	return o
}

// TestPresigned has five clients presign the same requests for a function URL. What was presigned must be accepted and
// be what was meant, but for the mistakes in the table of quirks, and not be accepted any more when its time is over.
func TestPresigned(t *testing.T) {
	s := startServer(t)
	url := s.createFunction(t, "echo", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	cases := makePresignCases(url, 800)
	session := s.sessionEnv(t)

	t.Run("sign", func(t *testing.T) {
		for _, c := range presigners() {
			t.Run(c.name, func(t *testing.T) {
				c.need(t)
				t.Parallel()
				short := cases[0]
				short.Expires = 1
				made := c.run(t, session, []signCase{short})
				over := time.Now().Add(2 * time.Second) // the date has whole seconds

				judge(t, sending(c), cases, sending(c).run(t, session, cases))
				few := cases[:60]
				judge(t, sending(c), few, sending(c).run(t, s.env(), few)) // keys without a session token

				time.Sleep(time.Until(over))
				o := sendURL(t, &short, made[0].URL)
				if o.Status != 403 || o.ErrorType != invalidSignature || !strings.HasPrefix(o.Body, `{"message":"Signature expired: `) {
					t.Errorf("after its time: %+v", o)
				}
				if problem := missing(s.explain(t, o.RequestID), []string{"url-expired"}); problem != "" {
					t.Error(problem)
				}
			})
		}
	})
	t.Run("explain", func(t *testing.T) {
		for _, c := range presigners() {
			t.Run(c.name, func(t *testing.T) {
				c.need(t)
				s.explainQuirks(t, sending(c), session, cases)
			})
		}
	})
}
