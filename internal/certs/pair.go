package certs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// maxFile is the largest certificate or key file, in octets: a chain is a few
// thousand. The limit is for a path that names a device or a log by mistake.
const maxFile = 1 << 20

// Pair is a certificate chain and its key, both in PEM. The chain begins with
// the server's own certificate; the root may be left out. Cert and Key may be
// the same text: each is searched for the blocks that belong to it.
type Pair struct {
	// Name says where the pair is from, file names for instance, for errors.
	Name string
	// Cert holds one or more CERTIFICATE blocks; others are skipped.
	Cert []byte
	// Key holds exactly one block of a private key (PKCS #8, PKCS #1 or SEC 1).
	Key []byte
	// Warning is what was noticed about the files and does not prevent serving
	// (ErrKeyExposed), or nil. Store.Problems tells it again.
	Warning error
}

// ReadPairs reads certificate files and their keys, which are given in the same
// order. A key file that is "" or the same as its certificate's means that the
// certificate file holds the key as well; so does an empty list for all of
// them. Otherwise there must be a key for each certificate. What is in the
// files is looked at by NewStore. Errors: all problems, joined, a *Problem
// each; no pairs then. A file over 1 MiB is ErrMalformed. No files are no
// pairs, and no error.
func ReadPairs(certFiles, keyFiles []string) ([]Pair, error) {
	var errs []error
	if len(keyFiles) != 0 && len(keyFiles) != len(certFiles) {
		errs = append(errs, fmt.Errorf("certs: %d certificate files, but %d key files",
			len(certFiles), len(keyFiles)))
	}
	pairs := make([]Pair, 0, len(certFiles))
	for i, certFile := range certFiles {
		keyFile := ""
		if i < len(keyFiles) {
			keyFile = keyFiles[i]
		}
		pair, problems := readPair(certFile, keyFile)
		errs = append(errs, problems...)
		pairs = append(pairs, pair)
	}
	// Keys beyond the last certificate have been complained about by number.
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return pairs, nil
}

// readPair reads one certificate file and its key file, if that is another.
func readPair(certFile, keyFile string) (Pair, []error) {
	pair := Pair{Name: certFile}
	var errs []error
	cert, certExposed, err := readFile(certFile)
	if err != nil {
		errs = append(errs, &Problem{Pair: certFile, Err: err})
	}
	pair.Cert = cert
	if keyFile == "" || keyFile == certFile {
		pair.Key, keyFile = cert, certFile
		if certExposed {
			pair.Warning = fmt.Errorf("%w: %s", ErrKeyExposed, keyFile)
		}
		return pair, errs
	}
	pair.Name = certFile + ", " + keyFile
	key, keyExposed, err := readFile(keyFile)
	if err != nil {
		errs = append(errs, &Problem{Pair: keyFile, Err: err})
	}
	pair.Key = key
	if keyExposed {
		pair.Warning = fmt.Errorf("%w: %s", ErrKeyExposed, keyFile)
	}
	return pair, errs
}

// readFile reads a file of at most maxFile octets; exposed is true if users
// other than the owner and the group can read or write it. A group is not
// counted: giving keys to a group of servers is a usual arrangement.
func readFile(name string) (data []byte, exposed bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, false, errors.Unwrap(err) // the Problem names the file
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	// Windows keeps no such bits; Go reports the same for every file there.
	exposed = runtime.GOOS != "windows" && info.Mode().Perm()&0o006 != 0
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, false, err
	}
	if n > maxFile {
		return nil, false, fmt.Errorf("%w: larger than %d octets", ErrMalformed, maxFile)
	}
	return buf.Bytes(), exposed, nil
}
