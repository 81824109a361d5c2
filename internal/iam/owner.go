package iam

// Owner is a user, role or group that policies belong to.
type Owner struct {
	Kind OwnerKind
	Name string
}

// OwnerKind is the sort of an Owner.
type OwnerKind string

// The sorts of owners.
const (
	OfRole  OwnerKind = "role"
	OfUser  OwnerKind = "user"
	OfGroup OwnerKind = "group"
)

// String is "role NAME".
func (o Owner) String() string { return string(o.Kind) + " " + o.Name }
