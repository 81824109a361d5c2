package lambdaapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/furl-dev/furl/internal/controlplane"
)

// writer is an answer that is more than a JSON body.
type writer interface {
	write(http.ResponseWriter, int)
}

// writeAnswer writes an operation's answer; nil is one without a body.
func writeAnswer(w http.ResponseWriter, status int, answer any) {
	switch answer := answer.(type) {
	case nil:
		w.WriteHeader(status)
	case writer:
		answer.write(w, status)
	default:
		writeJSON(w, status, answer)
	}
}

// write writes an error the way the API does: its name in a header, the rest as JSON.
func (f *fault) write(w http.ResponseWriter, call *controlplane.Call) {
	call.Refused(f.status, f.name)
	body := struct {
		Reason string  `json:",omitempty"`
		Type   string  `json:",omitempty"`
		Upper  *string `json:"Message,omitempty"`
		Lower  *string `json:"message,omitempty"`
	}{Reason: f.reason, Type: f.blame}
	if f.member == upperCase {
		body.Upper = &f.message
	} else {
		body.Lower = &f.message
	}
	w.Header()["x-amzn-ErrorType"] = []string{f.name} // spelled as AWS spells it
	writeJSON(w, f.status, body)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text := marshal(value)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text) // an error means that the client is gone
}

// marshal is json.Marshal without the escaping of <, > and &, which AWS does not do either. Answers are made of
// strings, numbers and maps of them: it can not fail.
func marshal(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimRight(text.Bytes(), "\n")
}
