package auth

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// Mismatch is what is known of a signature that does not match, nil for any other.
func (f *SignatureFinding) Mismatch() *trace.Mismatch {
	if f.kind != sigv4.InvalidSignature {
		return nil
	}
	known, _ := f.known()
	server, client := visible(known.server.String()), visible(known.client.String())
	mismatch := &trace.Mismatch{
		Fault: known.fault.String(), Explanation: known.explanation.String(), Certainty: known.certainty.String(),
		Server: server, Client: client, Differ: []trace.Differ{},
	}
	if known.fault.Empty() {
		mismatch.Certainty = ""
	}
	if server == "" || client == "" {
		return mismatch
	}
	mismatch.Differ = append(mismatch.Differ, differ(server, client)...)
	if len(mismatch.Differ) == 0 && known.line > 0 { // what differs is hidden
		mismatch.Differ = append(mismatch.Differ, trace.Differ{Server: lineAt(server, known.line), Client: lineAt(client, known.line)})
	}
	return mismatch
}

// open is a canonical request as people may see it.
func open(canonicalRequest string) string {
	var text strings.Builder
	for i, line := range diagnose.Lines(canonicalRequest) {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(line.Text)
		if text.Len() > trace.MaxText {
			break
		}
	}
	return text.String()
}

// visible writes bytes that are not UTF-8 as \x and two digits: JSON would have the same character for all of them.
func visible(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var shown strings.Builder
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			fmt.Fprintf(&shown, `\x%02x`, text[i])
		} else {
			shown.WriteRune(r)
		}
	}
	return shown.String()
}

// lineAt is where the line of the number is, or the end of the text.
func lineAt(text string, number int) [2]int {
	from := 0
	for line := range strings.Lines(text) {
		if number--; number == 0 {
			return [2]int{from, from + len(strings.TrimSuffix(line, "\n"))}
		}
		from += len(line)
	}
	return [2]int{len(text), len(text)}
}

// differ are the bytes in which two canonical requests differ. It compares line by line and, where lines differ, pair by
// pair of a query and item by item of a list, so that one change does not mark what follows it.
func differ(server, client string) (runs []trace.Differ) {
	lines := align(pieces(server, "\n"), pieces(client, "\n"))
	for _, gap := range lines {
		items := align(pieces(server[gap.Server[0]:gap.Server[1]], delimiters), pieces(client[gap.Client[0]:gap.Client[1]], delimiters))
		for _, item := range items {
			run := trace.Differ{
				Server: [2]int{gap.Server[0] + item.Server[0], gap.Server[0] + item.Server[1]},
				Client: [2]int{gap.Client[0] + item.Client[0], gap.Client[0] + item.Client[1]},
			}
			runs = append(runs, narrowed(server, client, run))
		}
	}
	return runs
}

// delimiters end what is compared as one within lines.
const delimiters = "\n&;,/:= "

// pieces cuts a text behind each of the delimiters.
func pieces(text, delimiters string) (list []string) {
	for text != "" {
		end := strings.IndexAny(text, delimiters) + 1
		if end == 0 {
			end = len(text)
		}
		list, text = append(list, text[:end]), text[end:]
	}
	return list
}

// align finds the gaps between the pieces that both lists have in the same order, as many of these as there can be, and
// gives the gaps in bytes. Of lists that are too long for that it takes what is in the middle as one gap.
func align(server, client []string) (gaps []trace.Differ) {
	const maxCells = 1 << 17
	at := [2]int{}
	for len(server) > 0 && len(client) > 0 && server[0] == client[0] {
		at[0], at[1] = at[0]+len(server[0]), at[1]+len(client[0])
		server, client = server[1:], client[1:]
	}
	for len(server) > 0 && len(client) > 0 && server[len(server)-1] == client[len(client)-1] {
		server, client = server[:len(server)-1], client[:len(client)-1]
	}
	width := len(client) + 1
	var common []uint16 // how long the longest common list is from a place of each on
	if (len(server)+1)*width <= maxCells {
		common = make([]uint16, (len(server)+1)*width)
		for i := len(server) - 1; i >= 0; i-- {
			for j := len(client) - 1; j >= 0; j-- {
				if server[i] == client[j] {
					common[i*width+j] = common[(i+1)*width+j+1] + 1
				} else {
					common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
				}
			}
		}
	}
	from := at
	end := func() {
		if from != at {
			gaps = append(gaps, trace.Differ{Server: [2]int{from[0], at[0]}, Client: [2]int{from[1], at[1]}})
		}
	}
	i, j := 0, 0
	for i < len(server) || j < len(client) {
		switch {
		case common != nil && i < len(server) && j < len(client) && server[i] == client[j]:
			end()
			at[0], at[1] = at[0]+len(server[i]), at[1]+len(client[j])
			from = at
			i, j = i+1, j+1
		case j == len(client) || i < len(server) && (common == nil || common[(i+1)*width+j] >= common[i*width+j+1]):
			at[0] += len(server[i])
			i++
		default:
			at[1] += len(client[j])
			j++
		}
	}
	end()
	return gaps
}

// narrowed leaves out of a run the characters at its ends that are the same in both texts.
func narrowed(server, client string, run trace.Differ) trace.Differ {
	a, b := server[run.Server[0]:run.Server[1]], client[run.Client[0]:run.Client[1]]
	for a != "" && b != "" {
		r, size := utf8.DecodeRuneInString(a)
		if other, _ := utf8.DecodeRuneInString(b); r != other {
			break
		}
		a, b = a[size:], b[size:]
		run.Server[0], run.Client[0] = run.Server[0]+size, run.Client[0]+size
	}
	for a != "" && b != "" {
		r, size := utf8.DecodeLastRuneInString(a)
		if other, _ := utf8.DecodeLastRuneInString(b); r != other {
			break
		}
		a, b = a[:len(a)-size], b[:len(b)-size]
		run.Server[1], run.Client[1] = run.Server[1]-size, run.Client[1]-size
	}
	return run
}
