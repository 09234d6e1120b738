package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// perform runs the action within patience, or fails the test with what the page
// itself said.
func perform[T any](b *Browser, what string, action chromedp.Action[T]) T {
	b.tb.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		b.tb.Fatalf("%s: %v\nconsole: %v\nviolations: %v", what, err, b.Console(), b.PolicyViolations())
	}
	return result
}

// Navigate opens the URL and waits for the load event. An HTTP error status is
// not a failure: the test sees the page that came with it.
func (b *Browser) Navigate(url string) {
	b.tb.Helper()
	perform(b, "open "+url, chromedp.Navigate(url))
}

// SetLanguage sends the value as Accept-Language from the next request on.
func (b *Browser) SetLanguage(acceptLanguage string) {
	b.tb.Helper()
	perform(b, "set language", call(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"Accept-Language": acceptLanguage},
	}))
}

// SetViewport gives the page a width and height in CSS pixels.
func (b *Browser) SetViewport(width, height int64) {
	b.tb.Helper()
	perform(b, "set viewport", chromedp.EmulateViewport(width, height))
}

// WaitVisible waits until an element that matches the CSS selector is shown.
func (b *Browser) WaitVisible(selector string) {
	b.tb.Helper()
	perform(b, "wait for "+selector, chromedp.WaitVisible(chromedp.CSS(selector)))
}

// WaitFor waits until the JavaScript expression is true. It asks from outside:
// a loop inside the page would need eval, which a strict policy forbids.
func (b *Browser) WaitFor(expression string) {
	b.tb.Helper()
	ask := chromedp.Evaluate[bool]("Boolean(" + expression + ")")
	perform(b, "wait for "+expression, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for {
			if satisfied, err := ask(ctx, target); err != nil || satisfied {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}))
}

// WaitText waits until the first element that matches the CSS selector
// contains the text as rendered.
func (b *Browser) WaitText(selector, text string) {
	b.tb.Helper()
	b.WaitFor(fmt.Sprintf("document.querySelector(%s)?.innerText.includes(%s)", quote(selector), quote(text)))
}

// Text returns the rendered text of the first element that matches the CSS
// selector, which has to exist.
func (b *Browser) Text(selector string) string {
	b.tb.Helper()
	return perform(b, "read "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// Title returns the title of the page.
func (b *Browser) Title() string {
	b.tb.Helper()
	return perform(b, "read the title", chromedp.Title())
}

// Click waits for an element that matches the CSS selector to be shown, brings
// it to the middle of the window (at an edge a fixed bar might cover it) and
// clicks its centre with the mouse.
func (b *Browser) Click(selector string) {
	b.tb.Helper()
	b.WaitVisible(selector)
	perform(b, "scroll to "+selector, chromedp.Evaluate[chromedp.Void](
		"document.querySelector("+quote(selector)+").scrollIntoView({ block: 'center', behavior: 'instant' })"))
	perform(b, "click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Fill replaces the value of a form control: a text is typed as from an input
// method; a select, date, time, colour or range gets its value (in the form the
// HTML standard gives its value attribute) with the events a choice causes.
// Check boxes and radio buttons are for Click.
func (b *Browser) Fill(selector, value string) {
	b.tb.Helper()
	what := "fill " + selector
	perform(b, what, chromedp.Focus(chromedp.CSS(selector), chromedp.NodeVisible))
	typed := perform(b, what, chromedp.Evaluate[bool](fmt.Sprintf(`(() => {
		const control = document.querySelector(%s);
		const typed = control.matches("textarea, [contenteditable], input:not([type]), input:is("
			+ "[type=text], [type=email], [type=tel], [type=url], [type=search], [type=password], [type=number])");
		if (typed) {
			if (control.select) control.select(); else getSelection().selectAllChildren(control);
			return true;
		}
		control.value = %s;
		control.dispatchEvent(new Event("input", { bubbles: true }));
		control.dispatchEvent(new Event("change", { bubbles: true }));
		return false;
	})()`, quote(selector), quote(value))))
	if !typed {
		return
	}
	if value == "" {
		perform(b, what, chromedp.KeyEvent("\b"))
		return
	}
	perform(b, what, call(input.InsertText, input.InsertTextParams{Text: value}))
}

// Eval evaluates a JavaScript expression in the page, waits for it when it is a
// promise, and decodes its JSON form into result, which may be nil.
func (b *Browser) Eval(expression string, result any) {
	b.tb.Helper()
	text := perform(b, "evaluate "+expression, chromedp.Evaluate[string](
		`Promise.resolve(`+expression+`).then((value) => JSON.stringify(value ?? null))`, chromedp.EvalAwaitPromise))
	if result == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), result); err != nil {
		b.tb.Fatalf("evaluate %s: %s does not fit: %v", expression, text, err)
	}
}

// Screenshot writes what is visible as a PNG file.
func (b *Browser) Screenshot(path string) {
	b.tb.Helper()
	picture := perform(b, "take a screenshot", chromedp.CaptureScreenshot())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.tb.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		b.tb.Fatal(err)
	}
}

// call turns a protocol command into an action.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[R] {
	return func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	}
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(quoted)
}

// discard turns a protocol command into a step whose result nobody reads.
func discard[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}
