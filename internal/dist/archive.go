package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"strings"
	"time"
)

// file is a member of an archive.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// pack writes an archive in the form that its name says, with the members below a directory. The same members make the
// same bytes: they all have one time, and no owner.
func pack(name, below string, files []file, date time.Time) []byte {
	var out bytes.Buffer
	if isZip(name) {
		z := zip.NewWriter(&out)
		for _, f := range files {
			header := &zip.FileHeader{Name: below + f.name, Method: zip.Deflate, Modified: date}
			header.SetMode(f.mode)
			w, err := z.CreateHeader(header)
			must(err)
			_, err = w.Write(f.content)
			must(err)
		}
		must(z.Close())
		return out.Bytes()
	}
	compressed := gzip.NewWriter(&out)
	t := tar.NewWriter(compressed)
	for _, f := range files {
		must(t.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: below + f.name, Mode: int64(f.mode), Size: int64(len(f.content)),
			ModTime: date, Format: tar.FormatUSTAR,
		}))
		_, err := t.Write(f.content)
		must(err)
	}
	must(t.Close())
	must(compressed.Close())
	return out.Bytes()
}

// must is for errors that a buffer does not have.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// isZip reports whether an archive is a ZIP file by its name; wheels are.
func isZip(name string) bool {
	return strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".whl")
}

// unpack reads the members of an archive.
func unpack(name string, content []byte) (files []file, err error) {
	if isZip(name) {
		z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return nil, err
		}
		for _, member := range z.File {
			data, err := fs.ReadFile(z, member.Name)
			if err != nil {
				return nil, err
			}
			files = append(files, file{name: member.Name, mode: member.Mode(), content: data})
		}
		return files, nil
	}
	compressed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	t := tar.NewReader(compressed)
	for {
		header, err := t.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: header.Name, mode: header.FileInfo().Mode(), content: data})
	}
}
