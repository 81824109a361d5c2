package state

// Change makes a changed copy of a table, as a transaction does.
func Change[V any](table Table[V], change func(set func(string, V), remove func(string))) Table[V] {
	b := builder[V]{table: table}
	change(b.set, b.delete)
	return b.table
}
