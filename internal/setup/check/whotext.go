package check

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
)

// organization is the organization that the conditions ask for; "" if they ask for none.
func organization(conditions []string) string {
	for _, condition := range conditions {
		key, id, ok := strings.Cut(condition, " = ")
		if ok && strings.EqualFold(key, "aws:PrincipalOrgID") {
			return id
		}
	}
	return ""
}

// Short names the caller in a few words: "anyone", "account 123456789012", "org o-0123456789", or a role by its name.
func (c Caller) Short() string {
	named, err := arn.ParsePrincipal(c.Principal)
	text := c.Principal
	switch {
	case c.Kind == kindOrg:
		return "org " + organization(c.Conditions)
	case c.Principal == "*":
		text = "anyone"
	case c.Kind == kindAccount:
		text = "account " + cmp.Or(named.Account, c.Principal)
	case c.Kind == kindRoot:
		text = "root user"
	case err == nil && (c.Kind == kindRole || c.Kind == kindUser):
		if text = c.Kind + "/" + named.Name; c.CrossAccount {
			text = "account " + named.Account + " " + text
		}
	default:
		text = strings.TrimPrefix(text, "Service:")
	}
	if len(c.Conditions) > 0 {
		text += " (" + strings.Join(c.Conditions, "; ") + ")"
	}
	return text
}

// WriteTo writes the answer for a person to read.
func (w Who) WriteTo(out io.Writer) (int64, error) {
	var text strings.Builder
	for _, f := range w.Functions {
		f.write(&text)
	}
	for _, note := range w.Notes {
		fmt.Fprintf(&text, "not considered: %s\n", note)
	}
	n, err := io.WriteString(out, text.String())
	return int64(n), err
}

func (f FunctionCallers) write(text *strings.Builder) {
	where := ""
	if f.Place != (Place{}) {
		where = f.Place.String() + ": "
	}
	fmt.Fprintf(text, "%s%s  %s\n", where, strings.TrimSpace(f.Function+"  "+f.URL), cmp.Or(string(f.AuthType), "auth type not known"))
	may := 0
	for _, standing := range standings {
		begun := false
		for _, c := range f.Callers {
			if c.Standing != standing {
				continue
			}
			if !begun {
				begun = true
				fmt.Fprintf(text, "  %s:\n", standing)
			}
			c.write(text)
			if standing != MayNot {
				may++
			}
		}
	}
	switch {
	case may == 0 && f.Complete:
		fmt.Fprintln(text, "  nobody may call")
	case may == 0:
		fmt.Fprintln(text, "  whether anybody may call could not be found out")
	}
	for _, by := range f.Denies {
		fmt.Fprintf(text, "  denied to %s: %s\n", strings.Join(by.Principals, ", "), by)
	}
	for _, fault := range f.CouldNotLook {
		fmt.Fprintf(text, "  could not look at %s\n", fault)
	}
}

func (c Caller) write(text *strings.Builder) {
	name := c.Principal
	if c.Kind != kindOther {
		name = c.Kind + " " + name
	}
	switch c.Kind {
	case kindEveryone:
		name = "everyone"
	case kindOrg:
		name = "everyone of organization " + organization(c.Conditions)
	}
	if c.CrossAccount {
		name += ", of another account"
	}
	fmt.Fprintf(text, "    %s\n", name)
	for _, condition := range c.Conditions {
		if !strings.HasPrefix(condition, unless) {
			condition = "only with " + condition
		}
		fmt.Fprintf(text, "      %s\n", condition)
	}
	for _, may := range c.Actions {
		if len(may.By) == 0 {
			fmt.Fprintf(text, "      %-24s  %s\n", may.Action, may.Standing)
		}
		for _, by := range may.By {
			if may.Standing == MayCall {
				fmt.Fprintf(text, "      %-24s  %s\n", may.Action, by)
				continue
			}
			fmt.Fprintf(text, "      %-24s  %s: %s\n", may.Action, may.Standing, by)
		}
	}
	for _, reason := range c.Reasons {
		fmt.Fprintf(text, "      %s\n", reason)
	}
	if len(c.AssumedBy) > 0 {
		fmt.Fprintf(text, "      assumed by %s\n", strings.Join(c.AssumedBy, ", "))
	}
}
