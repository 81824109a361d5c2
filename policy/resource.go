package policy

import "strings"

// parseResource compiles a pattern of a Resource element and reports what is wrong with it, and what AWS says of it.
func parseResource(s string, variables bool) (t template, message, aws string) {
	rest, ok := strings.CutPrefix(s, "arn:")
	partition, rest, more := strings.Cut(rest, ":")
	service, rest, _ := strings.Cut(rest, ":")
	region, _, _ := strings.Cut(rest, ":")
	switch {
	case !ok:
		return t, "want an ARN or *, got " + quote(s), "Resource " + s + ` must be in ARN format or "*".`
	case partition != "*" && !isPartition(partition):
		return t, "unknown partition in " + quote(s) + "; it is aws, aws-cn or aws-us-gov", `Partition "` + partition + `" is not valid for resource "` + s + `".`
	case !more || service == "" || strings.ContainsAny(service, "*?$"):
		return t, "the service of an ARN must be written out, got " + quote(s), awsResourceVendor
	case region != "" && service == "iam":
		return t, "ARNs of IAM have no region, got " + quote(s), "IAM resource " + s + " cannot contain region information."
	case region != "" && region != "*" && service == "s3" && !isS3Regional(s):
		return t, "ARNs of buckets and objects have no region, got " + quote(s), "Resource " + s + " can not contain region information."
	}
	if variables {
		var err error
		if t, err = parseTemplate(s, encodeWildcards); err != nil {
			return t, err.Error(), awsSyntax
		}
	} else {
		t.text = encodeWildcards(s)
	}
	t.confine()
	return t, "", ""
}

// isS3Regional reports whether an ARN of S3 names something that has a region: an access point, a job, …
func isS3Regional(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(parts) == 6 && parts[4] != ""
}

// isPartition accepts aws, aws-cn, aws-us-gov, aws-iso and whatever region groups come next.
func isPartition(s string) bool {
	if s != "aws" && !strings.HasPrefix(s, "aws-") {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// confine makes an encoded pattern match ARNs as AWS does. In the first five parts wildcards stay within their part,
// except that a * that ends its part "can expand to match beyond the colon boundaries"; in the last part they match
// colons too. Parts that are missing at the end count as *.
// IAM User Guide, "IAM JSON policy elements: Resource".
func (t *template) confine() {
	colons := 0
	if t.parts == nil {
		t.text = confine(t.text, &colons, true)
		for ; colons < 5; colons++ {
			t.text += ":\xff"
		}
		t.pattern = newPattern(t.text)
		return
	}
	last := len(t.parts) - 1
	for i := range t.parts {
		if p := &t.parts[i]; p.key == "" {
			p.text = confine(p.text, &colons, i == last)
		}
	}
	if missing := 5 - colons; missing > 0 {
		t.parts = append(t.parts, part{text: strings.Repeat(":\xff", missing)})
	}
}

func confine(s string, colons *int, last bool) string {
	confined := 0
	b := []byte(s)
	for i, c := range b {
		ends := i+1 < len(b) && b[i+1] == ':' || i+1 == len(b) && last
		switch {
		case c == ':':
			*colons++
		case *colons >= 5:
			continue
		case c == anyRun && !ends:
			b[i] = anyRunInARN
			confined++
		case c == anyOne:
			b[i] = anyOneInARN
			confined++
		}
	}
	if confined == 0 {
		return s
	}
	return string(b)
}
