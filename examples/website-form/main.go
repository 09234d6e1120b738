// Command website-form is a website in miniature: a static page that draws a
// form of Parvis, makes the visitor's browser prove its work and sends what was
// filled in. Copy the files of site/ into any CMS; nothing is loaded from
// anywhere but this site and the API.
//
//	go run ./examples/website-form -addr 127.0.0.1:9098 -api http://127.0.0.1:8080 -form ID
//
// The form's allowed origins must contain the page's own, here
// http://127.0.0.1:9098.
package main

import (
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/url"
	"time"
)

//go:embed site
var site embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:9098", "where the page is served, host:port")
	api := flag.String("api", "http://127.0.0.1:8080", "address of Parvis")
	form := flag.String("form", "", "identifier of a published form")
	flag.Parse()
	handler, err := newSite(*api, *form)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("The page is at http://%s/\n", *addr)
	server := &http.Server{Addr: *addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func newSite(api, form string) (http.Handler, error) {
	u, err := url.Parse(api)
	if err != nil || u.Host == "" || form == "" {
		return nil, fmt.Errorf("-api is an address such as http://127.0.0.1:8080, -form the identifier of a published form")
	}
	files, err := fs.Sub(site, "site")
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]string{"api": u.Scheme + "://" + u.Host, "form": form})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(config)
	})
	static := http.FileServerFS(files)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; connect-src 'self' "+u.Scheme+"://"+u.Host+"; frame-ancestors 'none'")
		static.ServeHTTP(w, r)
	})
	return mux, nil
}
