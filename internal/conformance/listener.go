package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// stages is where connectors under trial send: one address of this process for
// all runs of it, open while there is one. The scenario is in the path, under a
// name that cannot be guessed.
type stages struct {
	addr, url string
	log       *slog.Logger

	mutex    sync.Mutex
	users    int
	base     string
	server   *http.Server
	byMarker map[string]*stage
}

func newStages(addr, url string, log *slog.Logger) *stages {
	return &stages{addr: addr, url: strings.TrimSuffix(url, "/"), log: log, byMarker: map[string]*stage{}}
}

// open begins to listen, if nobody has, and gives what ends that.
func (s *stages) open(ctx context.Context) (func(), error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.users == 0 {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", s.addr)
		if err != nil {
			return nil, err
		}
		if s.base = s.url; s.base == "" {
			s.base = "http://" + listener.Addr().String()
		}
		s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
		go func(server *http.Server) {
			if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				s.log.ErrorContext(ctx, "the address of conformance runs ended", "error", err)
			}
		}(s.server)
	}
	s.users++
	return s.leave, nil
}

func (s *stages) leave() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.users--; s.users == 0 {
		_ = s.server.Close()
	}
}

// add gives a stage its address.
func (s *stages) add(stage *stage) (address string, remove func(), err error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", nil, err
	}
	marker := hex.EncodeToString(random[:])
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.byMarker[marker] = stage
	return s.base + "/" + marker, func() {
		stage.close()
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.byMarker, marker)
	}, nil
}

// ServeHTTP implements http.Handler.
func (s *stages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	marker, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	s.mutex.Lock()
	stage := s.byMarker[marker]
	s.mutex.Unlock()
	if stage == nil {
		problem(http.StatusNotFound, "not-found").write(w)
		return
	}
	stage.serve(w, r, "/"+rest)
}
