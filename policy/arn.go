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
	b := []byte(s)
	for i, c := range b {
		ends := i+1 < len(b) && b[i+1] == ':' || i+1 == len(b) && last
		switch {
		case c == ':':
			*colons++
		case *colons >= 5:
			return string(b)
		case c == anyRun && !ends:
			b[i] = anyRunInARN
		case c == anyOne:
			b[i] = anyOneInARN
		}
	}
	return string(b)
}

// parsePrincipal adds one value of a Principal map to the list; false if it is not a principal of that type.
// IAM User Guide, "AWS JSON policy elements: Principal".
func (l *principals) add(kind, value string) bool {
	switch kind {
	case "AWS":
		return l.addAWS(value)
	case "Service":
		if !isServiceName(value) {
			return false
		}
		l.services = append(l.services, value)
	case "Federated":
		if !isServiceName(value) && !isProviderARN(value) {
			return false
		}
		l.provider = append(l.provider, value)
	default: // CanonicalUser, S3's id of an account: valid, but no caller is known by it
		if value == "" || strings.ContainsAny(value, "*?") {
			return false
		}
	}
	l.written = append(l.written, kind+":"+value)
	return true
}

func (l *principals) addAWS(value string) bool {
	switch {
	case value == "*":
		l.everyone = true
	case isAccount(value):
		l.accounts = append(l.accounts, value)
	case isUniqueID(value):
		l.names = append(l.names, value)
	default:
		account, resource, ok := principalARN(value)
		if !ok {
			return false
		}
		if resource == "root" {
			l.accounts = append(l.accounts, account)
		} else {
			l.names = append(l.names, value)
		}
	}
	l.written = append(l.written, "AWS:"+value)
	return true
}

// principalARN takes the ARN of an account, user, role, role session or federated user apart.
func principalARN(s string) (account, resource string, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || !isPartition(parts[1]) || parts[3] != "" || !isAccount(parts[4]) ||
		strings.ContainsAny(parts[5], "*?:$ ") {
		return "", "", false
	}
	kind, name, _ := strings.Cut(parts[5], "/")
	switch parts[2] {
	case "iam":
		ok = parts[5] == "root" || (kind == "user" || kind == "role") && name != "" && !strings.HasSuffix(name, "/")
	case "sts":
		role, session, _ := strings.Cut(name, "/")
		ok = kind == "assumed-role" && role != "" && session != "" && !strings.Contains(session, "/") ||
			kind == "federated-user" && name != ""
	}
	return parts[4], parts[5], ok
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// isUniqueID recognises the ids of users and roles, which AWS puts in the place of the ARN of a deleted one.
// IAM User Guide, "IAM identifiers".
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || !strings.HasPrefix(s, "AIDA") && !strings.HasPrefix(s, "AROA") {
		return false
	}
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// isServiceName recognises host-like names: lambda.amazonaws.com, cognito-identity.amazonaws.com.
func isServiceName(s string) bool {
	return strings.Contains(s, ".") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

func isProviderARN(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && isPartition(parts[1]) && parts[2] == "iam" && parts[3] == "" && isAccount(parts[4]) &&
		(strings.HasPrefix(parts[5], "oidc-provider/") || strings.HasPrefix(parts[5], "saml-provider/")) && !strings.ContainsAny(parts[5], "*? ")
}
