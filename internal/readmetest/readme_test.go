package readmetest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/browser"
)

// The README's first quarter of an hour, typed command by command into a shell,
// with other ports and folders than a person at the same machine would use.
func TestReadme(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	todo, err := steps(string(page))
	require.NoError(t, err)
	require.Greater(t, len(todo), 15)

	r := newReader(t, "8080", "9098", "9099", "1025")
	r.follow(newShell(t, root, append(r.env(), "PARVIS_FORM_WORK_COST=200")), "README", todo)
}

// reader does what the page asks of a person.
type reader struct {
	t      *testing.T
	folder string
	ports  map[string]string
	swap   map[string]string // what is called otherwise here
	logs   []string
}

// newReader has a folder and ports of its own.
func newReader(t *testing.T, ports ...string) *reader {
	t.Helper()
	r := &reader{t: t, folder: t.TempDir(), ports: map[string]string{}, swap: map[string]string{}}
	require.NoError(t, os.Chmod(r.folder, 0o755)) // PostgreSQL runs as another account and must pass through.
	for dir := filepath.Dir(r.folder); strings.HasPrefix(dir, os.TempDir()) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	for _, port := range ports {
		r.ports[port] = freePort(t)
	}
	return r
}

// env is what the program is told by its environment.
func (r *reader) env() []string {
	return []string{
		"PARVIS_DATA_DIR=" + filepath.Join(r.folder, "parvis"), "PARVIS_ADDR=127.0.0.1:" + r.ports["8080"],
		"PARVIS_PUBLIC_URL=http://127.0.0.1:" + r.ports["8080"],
	}
}

// follow does every step of a page and looks at what it shows.
func (r *reader) follow(sh *shell, page string, todo []step) {
	t := r.t
	t.Helper()
	for _, s := range todo {
		switch {
		case s.deed != "":
			t.Logf("line %d: %s", s.line, s.deed)
			r.does(s.deed)
		case s.background:
			t.Logf("line %d: stays up", s.line)
			r.logs = append(r.logs, sh.background(r.elsewhere(s.commands)))
		default:
			t.Logf("line %d", s.line)
			out, status := sh.run(r.elsewhere(s.commands))
			require.Zero(t, status, "line %d of %s failed:\n%s\n%s\n%s", s.line, page, s.commands, out, r.printed())
			for _, want := range s.shows {
				require.Regexp(t, want, out, "line %d of %s does not show what it says", s.line, page)
			}
		}
	}
}

// elsewhere moves a command to this test's ports and folder.
func (r *reader) elsewhere(commands string) string {
	for from, to := range r.ports {
		commands = strings.ReplaceAll(commands, "127.0.0.1:"+from, "127.0.0.1:"+to)
	}
	for from, to := range r.swap {
		commands = strings.ReplaceAll(commands, from, to)
	}
	return strings.ReplaceAll(commands, ".parvis", filepath.Join(r.folder, "parvis"))
}

func (r *reader) printed() string {
	var b strings.Builder
	for _, log := range r.logs {
		raw, err := os.ReadFile(log)
		if err == nil {
			b.Write(raw)
		}
	}
	return b.String()
}

var confirmation = regexp.MustCompile(`http://\S+/v1/public/confirmations/\S+`)

func (r *reader) does(deed string) {
	r.t.Helper()
	switch deed {
	case "wait until it is ready":
		r.sees("the server", func() bool {
			response, err := http.Get("http://127.0.0.1:" + r.ports["8080"] + "/readyz")
			if err != nil {
				return false
			}
			return response.Body.Close() == nil && response.StatusCode == http.StatusOK
		})
		r.sees("the mail server", func() bool { return strings.Contains(r.printed(), "Mails sent to") })
	case "the feed is still":
		r.waitsForTheFeed()
	case "the receiver prints tag.created":
		r.sees("the webhook", func() bool { return strings.Contains(r.printed(), "tag.created") })
	case "fill the form in a browser, then confirm from the mail":
		r.fillsTheForm()
	default:
		require.Fail(r.t, "the page asks for what this test cannot do: "+deed)
	}
}

// waitsForTheFeed reads the feed to its end, as a person's pace gives it time to:
// an event is committed with its change and numbered a moment later.
func (r *reader) waitsForTheFeed() {
	key, err := os.ReadFile(filepath.Join(r.folder, "parvis", "admin.key"))
	require.NoError(r.t, err)
	var page struct {
		Next int64 `json:"next_after"`
		Data []json.RawMessage
	}
	r.sees("the end of the feed", func() bool {
		request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%s/v1/events?after=%d&wait=2", r.ports["8080"], page.Next), nil)
		require.NoError(r.t, err)
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
		response, err := http.DefaultClient.Do(request)
		require.NoError(r.t, err)
		page.Data = nil
		require.NoError(r.t, json.NewDecoder(response.Body).Decode(&page))
		require.NoError(r.t, response.Body.Close())
		return len(page.Data) == 0
	})
}

func (r *reader) fillsTheForm() {
	site := "http://127.0.0.1:" + r.ports["9098"] + "/"
	r.sees("the website", func() bool {
		response, err := http.Get(site)
		return err == nil && response.Body.Close() == nil
	})
	b := browser.New(r.t)
	b.Navigate(site)
	b.WaitVisible("#field-email")
	b.Fill("#field-given_name", "Camille")
	b.Fill("#field-family_name", "Orsini")
	b.Fill("#field-email", "camille.orsini@courriel.example")
	b.Click("#field-newsletter")
	// A person takes a while; the form refuses who does not.
	time.Sleep(3500 * time.Millisecond)
	b.Click("button[type=submit]")
	b.WaitVisible("#form-received")
	require.Empty(r.t, b.PolicyViolations())
	r.sees("the mail", func() bool { return confirmation.MatchString(r.printed()) })
	b.Navigate(confirmation.FindString(r.printed()))
	b.WaitVisible("button[type=submit]")
	b.Click("button[type=submit]")
	b.WaitFor("document.querySelector('form') === null")
}

// sees waits for something that takes its own time: a start, a mail.
func (r *reader) sees(what string, there func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !there(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.Fail(r.t, fmt.Sprintf("%s did not come: %s", what, r.printed()))
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(parvistest.FreeAddress(t))
	require.NoError(t, err)
	return port
}
