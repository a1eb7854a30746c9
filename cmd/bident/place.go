package main

import (
	"errors"
	"net/http"
	"strings"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
)

// placed gives the problems that the library has found with single settings the
// places where these were given. Other errors are returned as they are.
func placed(s *options.Settings, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, httpd.ErrListen) {
		return located{unbound(s, err), err}
	}
	found := false
	all := lines(err)
	for i, line := range all {
		if key, what, ok := strings.Cut(line, ": "); ok && s.IsSet(key) {
			all[i] = s.Problem(key, what, "").String()
			found = true
		}
	}
	if !found {
		return err
	}
	return refusal(all)
}

// findCertificates sees to it that the certificates can be used, each with its
// key. The error names the places where they were given.
func findCertificates(s *options.Settings) error {
	var problems options.Problems
	for i, file := range s.TLSCert {
		t := httpd.TLS{CertFiles: []string{file}}
		key := ""
		if i < len(s.TLSKey) {
			key = s.TLSKey[i]
			t.KeyFiles = []string{key}
		}
		// A server that has nothing but these files can only have problems with them.
		alone := httpd.Server{Handler: httpd.HTTP(http.NotFoundHandler()), Listen: []string{"https://127.0.0.1:0"}, TLS: t}
		err := alone.Validate()
		if err == nil {
			continue
		}
		for _, line := range lines(err) {
			name := "tls_cert"
			if key != "" && key != file && strings.HasPrefix(line, key+": ") {
				name = "tls_key"
			}
			problems = append(problems, s.Problem(name, line, ""))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return problems
}
