// Package archtest holds the tree to its architecture. It has no code of its own: its test reads rules.txt,
// which says for every package what it may import, and fails for an import that is not listed, for a package
// without a line, for a line without a package, and for a package without exactly one package comment.
//
// The rules state policy. A build that breaks them is mended in the importing package, not here.
package archtest
