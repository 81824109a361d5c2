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
