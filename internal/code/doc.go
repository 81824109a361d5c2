// Package code keeps the deployment packages of functions: zip archives, each stored once under the SHA-256 of its
// bytes, and unpacked beside it for functions to run from.
//
// An archive comes from outside and is not trusted: its sizes, packed and unpacked, and the number of its entries are
// limited before and while it is unpacked, and it is refused whole if one entry is a device, is encrypted, leads out
// of the directory or stands where another one does. Symbolic links are kept if they lead to somewhere in the package,
// or to /opt, where Lambda has the layers; all others are refused. A link to what is not there is kept, too; one that
// leads to itself, or into /var/task, where only Lambda has the package, is refused.
//
// What Put has returned is complete and survives a restart; a Put that was interrupted leaves nothing behind that is
// ever used. Files and directories are read-only, whatever modes the archive has; what it makes executable is
// executable.
package code
