// Package browser drives a real headless Chromium from a test: it opens pages
// of a server the test started, acts on them as a person would, and records
// what a person would not notice: console messages, requests, and violations of
// the page's Content-Security-Policy.
//
// The browser can reach the loopback interface only. A request to any other
// place is recorded and fails, so a page that needs the outside world cannot
// pass by accident.
package browser

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long one action may take before the test fails: a bound for a
// page that is broken, generous because test machines are shared.
const patience = 60 * time.Second

// Browser is one Chromium process with a profile of its own and one open tab.
// Its methods fail the test instead of returning errors, and belong to the
// test's goroutine.
type Browser struct {
	tb      testing.TB
	ctx     context.Context
	records *records
}

// New starts a browser that ends with the test. It skips the test only when
// PARVIS_TEST_BROWSER is "skip"; a machine without Chromium fails it.
func New(tb testing.TB) *Browser {
	tb.Helper()
	if os.Getenv("PARVIS_TEST_BROWSER") == "skip" {
		tb.Skip("PARVIS_TEST_BROWSER=skip: no browser test on this machine")
	}
	executable, found := findChromium()
	if !found {
		tb.Fatal("This test drives a real browser and found none: install the package chromium " +
			"(apt-get install chromium), or set PARVIS_TEST_BROWSER=skip to leave browser tests out.")
	}

	allocator, endProcess := chromedp.NewExecAllocator(context.Background(), options(executable)...)
	b := &Browser{tb: tb, records: newRecords()}
	ctx, closeTab := chromedp.NewContext(allocator, chromedp.WithErrorf(tb.Logf), chromedp.WithListener(b.records.observe))
	b.ctx = ctx
	tb.Cleanup(func() {
		// Cancel closes the browser politely and waits; the profile folder is
		// removed after the process has ended.
		if err := chromedp.Cancel(ctx); err != nil {
			tb.Logf("close the browser: %v", err)
		}
		closeTab()
		endProcess()
	})

	// The process lives as long as the context of the first call, so that one
	// has no deadline of its own.
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("start %s: %v", executable, err)
	}
	perform(b, "observe the page", chromedp.Steps(
		discard(network.Enable, network.EnableParams{}),
		discard(runtime.Enable, cdp.Empty{}),
		discard(log.Enable, cdp.Empty{}),
		discard(audits.Enable, cdp.Empty{}),
		discard(runtime.AddBinding, runtime.AddBindingParams{Name: violationBinding}),
		discard(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: violationListener}),
	))
	return b
}

func findChromium() (path string, found bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

func options(executable string) []chromedp.ExecAllocatorOption {
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options,
		chromedp.ExecPath(executable),
		chromedp.Flag("headless", "new"),
		chromedp.WindowSize(1440, 1000),
		chromedp.WSURLReadTimeout(patience),
		// Two walls: names do not resolve, and addresses other than loopback
		// go to a proxy on the discard port, where nobody listens.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]"),
		chromedp.ProxyServer("http://127.0.0.1:9"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("lang", "en"),
		chromedp.DisableGPU,
	)
	if os.Geteuid() == 0 {
		// Chromium refuses its sandbox to root, which is who runs tests in a
		// container.
		options = append(options, chromedp.NoSandbox)
	}
	return options
}
