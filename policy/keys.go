package policy

import "slices"

// ContextKeys returns the condition keys the document refers to, in conditions and as policy variables, as AWS spells
// them, sorted and without repetition. A request whose context lacks one of them is judged as if it had no such key.
func (d *Document) ContextKeys() []string {
	var keys []string
	add := func(list []template) {
		for i := range list {
			for _, p := range list[i].parts {
				if p.key != "" {
					keys = append(keys, p.key)
				}
			}
		}
	}
	for i := range d.statements {
		s := &d.statements[i]
		add(s.resources.list)
		for j := range s.conditions {
			c := &s.conditions[j]
			keys = append(keys, c.lookup)
			switch m := c.test.(type) {
			case equalMatcher:
				add(m)
			case foldMatcher:
				add(m)
			case likeMatcher:
				add(m)
			case arnMatcher:
				add(m)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
