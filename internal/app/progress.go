package app

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a command is: a bar on a terminal, a line now and then
// elsewhere.
type progress struct {
	out  io.Writer
	what string
	bar  *progressbar.ProgressBar
	last time.Time
}

// lineEvery is how often a command without a terminal says how far it is.
const lineEvery = 5 * time.Second

func newProgress(out *os.File, what string) *progress {
	p := &progress{out: out, what: what}
	if term.IsTerminal(int(out.Fd())) {
		p.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("records"),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p
}

// set takes how many records are done, of all.
func (p *progress) set(done, total int64) error {
	if p.bar != nil {
		p.bar.ChangeMax64(max(total, 1))
		return p.bar.Set64(done)
	}
	if now := time.Now(); now.Sub(p.last) >= lineEvery || done == total {
		p.last = now
		_, err := fmt.Fprintf(p.out, "%s: %d of %d records\n", p.what, done, total)
		return err
	}
	return nil
}

// end leaves the line to what comes next.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
