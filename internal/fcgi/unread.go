package fcgi

// AppendUnread appends what another ServerConn, on which nothing was read, has to be
// given before what comes, to be where this one is: the octets that have come, without
// what was answered or ignored already. It is Buffered where no request is in hand or
// half read and no record is half consumed. Of a request that was handed out there are
// the parameters, where params has taken them (see Params.Swap), and not what Body has
// given: AppendBegun, AppendStdin for that, and AppendRest are the parts of it. A
// request that was answered is over. Not while watching, and not after an error that
// wraps ErrProtocol or ErrLimit.
func (s *ServerConn) AppendUnread(dst []byte, params *Params) []byte {
	return s.AppendRest(s.AppendBegun(dst, params))
}

// active reports whether a request is coming, or was handed out and not answered.
func (s *ServerConn) active() bool {
	return s.req.phase != phaseNone && (!s.inHand || !s.answered.Load())
}

// AppendBegun is the first part of AppendUnread: FCGI_BEGIN_REQUEST and what has come
// of FCGI_PARAMS. params is where that is, nil for where the ServerConn had it.
func (s *ServerConn) AppendBegun(dst []byte, params *Params) []byte {
	if !s.active() {
		return dst
	}
	if params == nil {
		params = &s.req.Params
	}
	flags := uint8(0)
	if s.req.KeepConn {
		flags = FlagKeepConn
	}
	dst = AppendBegin(dst, s.req.ID, s.req.Role, flags)
	dst = AppendStream(dst, TypeParams, s.req.ID, params.AppendTo(nil))
	if s.req.phase > phaseParams {
		dst = AppendStreamEnd(dst, TypeParams, s.req.ID)
	}
	return dst
}

// AppendStdin appends octets of FCGI_STDIN of the request that was handed out.
func (s *ServerConn) AppendStdin(dst, p []byte) []byte {
	return AppendStream(dst, TypeStdin, s.req.ID, p)
}

// AppendRest is the last part of AppendUnread: the ends of the streams that have
// ended, the rest of a record that is half consumed, and what is not consumed.
func (s *ServerConn) AppendRest(dst []byte) []byte {
	r := &s.req
	if s.active() {
		dst = AppendStream(dst, TypeStdin, r.ID, r.Stdin)
		if r.phase > phaseStdin && r.Role != RoleAuthorizer {
			dst = AppendStreamEnd(dst, TypeStdin, r.ID)
		}
		dst = AppendStream(dst, TypeData, r.ID, r.Data)
		if r.phase > phaseData && r.Role == RoleFilter {
			dst = AppendStreamEnd(dst, TypeData, r.ID)
		}
	}
	h := s.rd.header
	switch {
	case s.rd.open && h.Type == TypeGetValues && h.ID == NullRequestID && s.rd.rem < int(h.Length):
		asked := s.asked.AppendTo(nil)
		h.Length = uint16(len(asked) + s.rd.rem) // not more than it was
		dst = append(AppendHeader(dst, h), asked...)
	case s.rd.open:
		// A stream is the same in any number of records, and of the others only the
		// end counts.
		h.Length = uint16(s.rd.rem)
		dst = AppendHeader(dst, h)
	case s.rd.pad > 0:
		// It is that of a record of a request that is not active, which is ignored
		// (clause 3.3).
		id := uint16(1)
		if r.ID == id {
			id++
		}
		dst = AppendHeader(dst, Header{Type: TypeData, ID: id, Padding: uint8(s.rd.pad)})
	}
	return append(dst, s.rd.Buffered()...)
}

// AppendTo appends the pairs, encoded, as far as they have come: the last one may be
// cut anywhere. Lengths that have more octets than they need have fewer then.
func (p *Params) AppendTo(dst []byte) []byte {
	for name, value := range p.All() {
		dst = AppendParamRaw(dst, name, value)
	}
	if p.want > 0 {
		e := p.index[len(p.index)-1]
		return append(appendLengths(dst, e.mid-e.start, e.end-e.mid), p.data[e.start:]...)
	}
	return append(dst, p.lengths[:p.have]...)
}
