package fork

import "time"

// proofTime is how long the first worker of a generation of an external program has to
// live before it counts as ready: one that cannot start has mostly said so by then.
// Nothing else tells when a program is.
const proofTime = 200 * time.Millisecond

// prove makes a worker of an external program that was executed. Its listener exists:
// it can be reached. Until one of its generation has lived for a moment, each of them
// has to, so that a reload which breaks the program leaves the old workers alone.
func (p *process) prove() {
	b := p.backend
	generation := int64(p.spec.Generation)
	if b.proved.Load() < generation {
		proof := b.config.proofTime
		if c := p.spec.Config; c != nil && c.StartTimeout > 0 {
			proof = min(proof, c.StartTimeout/2)
		}
		t := time.NewTimer(proof)
		defer t.Stop()
		select {
		case <-p.exited:
			return
		case <-t.C:
		}
		for {
			proved := b.proved.Load()
			if proved >= generation || b.proved.CompareAndSwap(proved, generation) {
				break
			}
		}
	}
	p.begin()
}
