package main

import (
	"math"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// setFront gives a server the settings of what speaks with clients.
func setFront(srv *httpd.Server, s *options.Settings) {
	srv.TLS = httpd.TLS{
		CertFiles: s.TLSCert,
		KeyFiles:  s.TLSKey,
		OnlyTLS13: s.TLSMinVersion == "1.3",
		ACME: httpd.ACME{
			Hosts:     s.ACMEHost,
			Email:     s.ACMEEmail,
			CacheDir:  s.ACMECache,
			Directory: s.ACMEDirectory,
		},
	}
	srv.RedirectHTTPS, srv.RedirectPort = s.RedirectHTTPS, s.HTTPSPort
	srv.Access = httpd.Access{
		Allow:          s.Allow,
		Deny:           s.Deny,
		CIDRAllow:      s.CIDRAllow,
		CIDRDeny:       s.CIDRDeny,
		ReverseLookups: s.ReverseLookups,
	}
	srv.TrustedProxies, srv.ProxyProtocol = s.TrustedProxy, s.ProxyProtocol
	srv.AccessLog, srv.SlowRequest, srv.RequestIDs = s.AccessLog, s.SlowRequest, s.RequestID
	if s.AccessLog != "" {
		srv.AccessLogFormat = s.AccessLogFormat
	}
	srv.Limits = httpd.Limits{
		MaxHeaderSize:      int(s.MaxHeaderSize), // at most 1 GiB
		MaxBodySize:        bodyLimit(s.MaxBodySize),
		BodyMemory:         s.BodyMemory,
		HeaderTimeout:      unlimited(s.HeaderTimeout),
		ReadTimeout:        unlimited(s.ReadTimeout),
		WriteTimeout:       unlimited(s.WriteTimeout),
		IdleTimeout:        unlimited(s.IdleTimeout),
		MaxConnsPerAddress: unlimited(s.MaxConnectionsPerAddress),
	}
}

// bodyLimit is the library's word for a size limit. What is more than a size can
// be is no limit.
func bodyLimit(n int64) int {
	if n == 0 || n > math.MaxInt {
		return pool.NoLimit
	}
	return int(n)
}
