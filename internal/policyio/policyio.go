// Package policyio is the JSON-lines format of `furl policy evaluate`: one question to IAM policies a line, one decision
// a line in answer.
//
//	{"id":"1","principal":"arn:aws:iam::111122223333:user/alice","action":"lambda:InvokeFunctionUrl",
//	 "resource":"arn:aws:lambda:eu-west-1:111122223333:function:books","resourceAccount":"111122223333",
//	 "context":{"lambda:FunctionUrlAuthType":"AWS_IAM"},"identityPolicies":[{"Version":"2012-10-17","Statement":[…]}],
//	 "resourcePolicy":null,"permissionBoundary":null,"sessionPolicy":null,"SCPs":[[{…}],[{…}]]}
//
//	{"id":"1","decision":"Allowed","matched":[{"policy":"identityPolicies[0]","statement":"Statement[0]","effect":"Allow"}],
//	 "reason":"allowed by identityPolicies[0].Statement[0]"}
//
// A line that cannot be understood is answered by an implicit deny with its "error"; it never stops the others. The
// package derives nothing: condition keys that the context does not name are absent. What a session's ARN does not tell,
// the path of its role and the unique id, is taken from the keys aws:PrincipalArn and aws:userid; the user behind a
// federated user cannot be told.
package policyio

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the largest line, in bytes, that is read: room for every policy that AWS lets one request have.
const MaxLine = 4 << 20

// Summary counts the lines answered.
type Summary struct {
	Allowed, Denied int
	Invalid         int // lines that could not be understood; not counted as denied
}

// Run answers every line of r on w, in order, until the end of r or of the context. Empty lines are skipped. The error
// is of reading or writing, or the context's; what is wrong with a line is part of its answer.
func Run(ctx context.Context, r io.Reader, w io.Writer) (Summary, error) {
	var (
		sum     Summary
		e       Evaluator
		in      = bufio.NewReaderSize(r, 64<<10)
		out     = bufio.NewWriterSize(w, 64<<10)
		encoder = json.NewEncoder(out)
	)
	encoder.SetEscapeHTML(false)
	for ctx.Err() == nil {
		line, tooLong, err := readLine(in)
		if len(bytes.TrimSpace(line)) > 0 || tooLong {
			var answer Answer
			if tooLong {
				answer = failed(nil, fmt.Errorf("the line is longer than %d bytes", MaxLine))
			} else {
				answer = e.Evaluate(line)
			}
			sum.count(answer)
			if err := encoder.Encode(answer); err != nil {
				return sum, fmt.Errorf("write answer: %w", err)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sum, errors.Join(fmt.Errorf("read line: %w", err), out.Flush())
		}
		if in.Buffered() == 0 { // answer at once when the lines come one by one
			if err := out.Flush(); err != nil {
				return sum, fmt.Errorf("write answer: %w", err)
			}
		}
	}
	if err := out.Flush(); err != nil {
		return sum, fmt.Errorf("write answer: %w", err)
	}
	return sum, ctx.Err()
}

func (s *Summary) count(a Answer) {
	switch {
	case a.Error != "":
		s.Invalid++
	case a.Decision == "Allowed":
		s.Allowed++
	default:
		s.Denied++
	}
}

// readLine reads up to the next line feed. Of a line that is too long it keeps nothing and reads to its end.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		piece, err := r.ReadSlice('\n')
		if !tooLong {
			line = append(line, piece...)
		}
		if len(line) > MaxLine+1 || len(line) > MaxLine && line[len(line)-1] != '\n' {
			tooLong, line = true, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}
