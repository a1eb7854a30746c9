package gate

// extension takes the octet o of a chunk extension (RFC 9112 7.1.1), any but
// the first semicolon, and moves c.state on:
//
//	*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) CRLF
//
// Whitespace after the whole is no part of the grammar.
func (c *Chunks) extension(o byte) *Error {
	token := class[o]&inToken != 0
	blank := o == ' ' || o == '\t'
	switch c.state {
	case stateExtBegin: // after a semicolon
		switch {
		case token:
			c.state = stateExtName
			return nil
		case blank:
			return nil
		}
	case stateExtName:
		switch {
		case token:
			return nil
		case blank:
			c.state = stateExtNamed
			return nil
		case o == '=':
			c.state = stateExtEqual
			return nil
		}
		return c.extensionEnd(o)
	case stateExtNamed: // whitespace after a name
		switch {
		case blank:
			return nil
		case o == '=':
			c.state = stateExtEqual
			return nil
		case o == ';':
			c.state = stateExtBegin
			return nil
		}
	case stateExtEqual: // after an equals sign
		switch {
		case blank:
			return nil
		case token:
			c.state = stateExtToken
			return nil
		case o == '"':
			c.state = stateExtQuoted
			return nil
		}
	case stateExtToken:
		switch {
		case token:
			return nil
		case blank:
			c.state = stateExtValued
			return nil
		}
		return c.extensionEnd(o)
	case stateExtQuoted:
		switch {
		case class[o]&inQuoted != 0:
			return nil
		case o == '\\':
			c.state = stateExtEscape
			return nil
		case o == '"':
			c.state = stateExtClosed
			return nil
		}
	case stateExtEscape:
		if class[o]&inValue != 0 || o == '\t' {
			c.state = stateExtQuoted
			return nil
		}
	case stateExtClosed: // after the closing quote
		if blank {
			c.state = stateExtValued
			return nil
		}
		return c.extensionEnd(o)
	case stateExtValued: // whitespace after a value
		switch {
		case blank:
			return nil
		case o == ';':
			c.state = stateExtBegin
			return nil
		}
	}
	return errExtension
}

// extensionEnd takes an octet where an extension may end.
func (c *Chunks) extensionEnd(o byte) *Error {
	switch o {
	case ';':
		c.state = stateExtBegin
	case '\r':
		c.state = stateSizeLF
	default:
		return errExtension
	}
	return nil
}
