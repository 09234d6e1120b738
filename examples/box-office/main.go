// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

// Command box-office runs a small ticketing system whose connector passes
// `parvis conformance`, and shows what its report says of one that does not.
//
//	go run ./examples/box-office -listen 127.0.0.1:9090
//	go run ./examples/box-office -listen 127.0.0.1:9090 -defect float-money
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/examples/box-office/boxoffice"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9090", "address of the hook")
	defect := flag.String("defect", "", "a mistake to make")
	backoff := flag.Duration("backoff", 300*time.Millisecond, "wait before the second try")
	flag.Parse()
	if err := run(*listen, *defect, *backoff); err != nil {
		fmt.Fprintln(os.Stderr, "box-office:", err)
		os.Exit(1)
	}
}

func run(listen, defect string, backoff time.Duration) error {
	defects, known := boxoffice.Named()[defect]
	if !known {
		var names []string
		for name := range boxoffice.Named() {
			names = append(names, name)
		}
		slices.Sort(names)
		return fmt.Errorf("no defect is called %q; there are%s", defect, strings.Join(names, " "))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server := &http.Server{Addr: listen, Handler: boxoffice.New(ctx, backoff, defects), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Println("The hook is http://" + listen + "/")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
