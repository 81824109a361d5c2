//go:build unix

package apply

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The tags of what a stack has made.
const (
	tagPrefix      = "furl:"
	tagStack       = tagPrefix + "stack"
	tagLogicalID   = tagPrefix + "logical-id"
	tagPlaceholder = tagPrefix + "placeholder" // of a role or user that stands for one elsewhere
	tagParts       = tagPrefix + "parts"       // marks of what belongs to the thing and cannot have tags
	tagVersion     = tagPrefix + "version:"    // and a logical id: the number of the version
	tagAccessKey   = tagPrefix + "key:"        // and a logical id: the id of the access key
)

// Kinds of things that keep notes about their parts.
const (
	kindFunction = "function"
	kindRole     = "role"
	kindUser     = "user"
	kindGroup    = "group"
	kindPolicy   = "managed policy"
	kindLayer    = "layer"
)

// key identifies a thing, or a part of one, among all of an account.
type key struct{ kind, name string }

func (k key) String() string { return k.kind + " " + k.name }

// part is what belongs to a thing that has tags, its holder, and cannot have tags itself.
type part struct {
	holder key
	kind   byte // one of the constants below
	id     string
}

// The kinds of parts; each is a letter in the marks.
const (
	partAlias       = 'a' // id: name
	partURL         = 'u' // id: qualifier
	partStatement   = 's' // id: qualifier/statement id
	partPolicy      = 'r' // id: qualifier
	partEvent       = 'e' // id: qualifier
	partProvisioned = 'c' // id: qualifier
	partInline      = 'i' // id: name
	partAttached    = 'm' // id: ARN
	partMember      = 'g' // id: group
	partVersion     = 'v' // id: number; it has no mark but a tag
	partKey         = 'k' // id: access key id; it has no mark but a tag
	partDetail      = 'd' // of a role: it has what only GetRole shows
)

// isWhole reports whether the part has content of its own, and is not only there or not there.
func (p part) isWhole() bool { return p.kind != partAttached && p.kind != partMember }

func (p part) String() string {
	of := func(what, id string) string {
		if id == "" {
			return what + " of " + p.holder.String()
		}
		return what + " " + id + " of " + p.holder.String()
	}
	qualified := func(what, qualifier string) string {
		if qualifier != "" {
			return what + " of " + p.holder.String() + ":" + qualifier
		}
		return what + " of " + p.holder.String()
	}
	switch p.kind {
	case partAlias:
		return of("alias", p.id)
	case partURL:
		return qualified("function URL", p.id)
	case partStatement:
		qualifier, sid, _ := strings.Cut(p.id, "/")
		return qualified("statement "+sid, qualifier)
	case partPolicy:
		return qualified("resource policy", p.id)
	case partEvent:
		return qualified("event invoke configuration", p.id)
	case partProvisioned:
		return qualified("provisioned concurrency", p.id)
	case partInline:
		return of("inline policy", p.id)
	case partAttached:
		return of("attached policy", p.id)
	case partMember:
		return of("membership in group "+p.id, "")
	case partVersion:
		return of("version", p.id)
	case partKey:
		return of("access key", p.id)
	}
	return of("details", "")
}

// mark stands for the part in the tags of its holder: short, as a value has 256 characters.
func (p part) mark(stack string) string {
	return string(p.kind) + digest(stack, string(p.kind), p.id)
}

// digest is a short name for texts.
func digest(texts ...string) string {
	const enough = 4
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:enough])
}

// marks are those of one stack on one holder.
type marks map[string]bool

// partsTag is the name of the tags that hold marks of a stack, for a holder of its own or of somebody else.
func partsTag(stack string, own bool) string {
	if own {
		return tagParts
	}
	return tagParts + "@" + digest(stack)
}

// marksPerTag is how many marks a value has: 10 characters each with the blank.
const marksPerTag = 25

// tags are the tags that hold the marks.
func (m marks) tags(stack string, own bool) map[string]string {
	tags, name := map[string]string{}, partsTag(stack, own)
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(m)), marksPerTag) {
		key := name
		if n := len(tags); n > 0 {
			key = fmt.Sprintf("%s:%d", name, n+1)
		}
		tags[key] = strings.Join(chunk, " ")
	}
	return tags
}

// readMarks reads them back.
func readMarks(tags map[string]string, stack string, own bool) marks {
	found, name := marks{}, partsTag(stack, own)
	for key, value := range tags {
		if key == name || strings.HasPrefix(key, name+":") {
			for mark := range strings.FieldsSeq(value) {
				found[mark] = true
			}
		}
	}
	return found
}

// has reports whether there is a mark of one of the kinds.
func (m marks) has(kinds ...byte) bool {
	for mark := range m {
		if slices.Contains(kinds, mark[0]) {
			return true
		}
	}
	return false
}

// owner says whose a thing is.
type owner struct {
	tags map[string]string
}

func (o owner) stack() string { return o.tags[tagStack] }
func (o owner) id() string    { return o.tags[tagLogicalID] }

// is reports whether the stack made the thing.
func (o owner) is(stack string) bool { return o.stack() == stack }

// marks are those of the stack.
func (o owner) marks(stack string) marks { return readMarks(o.tags, stack, o.is(stack)) }

// numbered are what the stack has made that got its name only then, by logical id: the tags with the prefix.
func (o owner) numbered(prefix, stack string) map[string]string {
	found := map[string]string{}
	for tag, value := range o.tags {
		id, ok := strings.CutPrefix(tag, prefix)
		if name, ours := strings.CutPrefix(value, stack+"/"); ok && ours {
			found[id] = name
		}
	}
	return found
}

// who is the owner in words.
func (o owner) who() string {
	if stack := o.stack(); stack != "" {
		return "the stack " + stack
	}
	return "somebody who did not use furl dev"
}

// own are the tags that furl gives to a thing of the stack, without those of its parts.
func own(stack, id string) map[string]string {
	return map[string]string{tagStack: stack, tagLogicalID: id}
}

// userTags are the tags without furl's.
func userTags(tags map[string]string) map[string]string {
	others := maps.Clone(tags)
	maps.DeleteFunc(others, func(key, _ string) bool { return strings.HasPrefix(key, tagPrefix) })
	return others
}

// notePolicy is the inline policy in which a group, which cannot have tags, keeps furl's. Its one action does not
// exist.
const notePolicy = "furl-stack"

// noteDocument is that policy with the tags in its Id.
func noteDocument(tags map[string]string) string {
	text, err := json.Marshal(tags)
	if err != nil {
		panic(err) // strings always marshal
	}
	document, err := json.Marshal(map[string]any{
		"Version": "2012-10-17", "Id": string(text),
		"Statement": map[string]string{"Effect": "Allow", "Action": "furl:Nothing", "Resource": "*"},
	})
	if err != nil {
		panic(err)
	}
	return string(document)
}

// noteTags reads the tags back; none of a policy that is not such a note.
func noteTags(document string) map[string]string {
	var note struct {
		ID string `json:"Id"`
	}
	tags := map[string]string{}
	if json.Unmarshal([]byte(document), &note) == nil {
		_ = json.Unmarshal([]byte(note.ID), &tags) // what is no note has no tags
	}
	return tags
}
