package load

// framer takes the answers of a connection out of its octets, one after the
// other.
type framer interface {
	// next prepares for the answer behind the last one.
	next()
	// advance consumes octets up to the end of the answer. It returns how many it
	// took, and whether the answer is whole; if it is not, all that can be taken
	// was taken, and what was not is shown again with more behind it. An error
	// wraps errFraming and is final.
	advance(b []byte) (n int, whole bool, err error)
	// eof says what an end of file at this point means: the whole answer, or the
	// error that it is.
	eof() (whole bool, err error)
	// outcome is what is known of the answer so far.
	outcome() outcome
}

// outcome is what an answer turned out to be.
type outcome struct {
	begun   bool  // an octet of it was seen
	closes  bool  // it announced that it is the connection's last
	status  int   // 0 until it is known
	size    int64 // octets of the body
	differs bool  // from the body that is expected
	refused error // instead of an answer
	failed  error // what the program said of itself beside the answer
}

// newFramer makes the one that a connection of the run needs.
func newFramer(c Config, fastCGI bool) framer {
	toHEAD := c.Method == "HEAD"
	verify := c.ExpectBody != nil && !toHEAD
	if fastCGI {
		return &records{toHEAD: toHEAD, verify: verify, expect: c.ExpectBody}
	}
	return &answer{toHEAD: toHEAD, verify: verify, expect: c.ExpectBody}
}
