// Command mail-sink is a mail server for trying things out: it accepts every
// message, prints who it is for and the links in it, and keeps it as a file.
//
//	go run ./examples/mail-sink -addr 127.0.0.1:1025 -dir .parvis/mails
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:1025", "address to listen on, host:port")
	dir := flag.String("dir", ".parvis/mails", "folder in which messages are kept")
	flag.Parse()
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		log.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{dir: *dir}, nil }))
	server.Addr, server.Domain, server.ReadTimeout, server.WriteTimeout = *addr, "localhost", time.Minute, time.Minute
	server.MaxMessageBytes, server.MaxRecipients = 10<<20, 50
	fmt.Printf("Mails sent to %s are printed here and kept in %s.\n", *addr, *dir)
	log.Fatal(server.ListenAndServe())
}

type session struct {
	dir string
	to  []string
}

func (s *session) Reset()                                    { s.to = nil }
func (s *session) Logout() error                             { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error      { return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = append(s.to, to); return nil }

// Data keeps a message and prints what a person looks for in it.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, time.Now().UTC().Format("20060102T150405.000000000")+".eml")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return err
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		subject = m.Header.Get("Subject")
	}
	fmt.Printf("to %s: %s\n", strings.Join(s.to, ", "), subject)
	for _, link := range links(m) {
		fmt.Println("  " + link)
	}
	return nil
}

var address = regexp.MustCompile(`https?://[^\s<>"']+`)

// links of the plain text, decoded.
func links(m *mail.Message) []string {
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return nil
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return address.FindAllString(text(m.Body, m.Header.Get("Content-Transfer-Encoding")), -1)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err != nil {
			return nil
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
			return address.FindAllString(text(p, p.Header.Get("Content-Transfer-Encoding")), -1)
		}
	}
}

func text(r io.Reader, encoding string) string {
	if strings.EqualFold(encoding, "quoted-printable") {
		r = quotedprintable.NewReader(r)
	}
	raw, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return ""
	}
	return string(raw)
}
