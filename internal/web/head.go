package web

import "net/http"

// HeadAsGet has a HEAD answered as the GET it asks about, which every server is to
// support (RFC 9110 §9.1), without what follows the header: net/http keeps that
// back, since it knows how the request came. except are the paths whose GET does
// not end by itself or moves a great file.
func HeadAsGet(next http.Handler, except func(path string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && !except(r.URL.Path) {
			asked := r.WithContext(r.Context())
			asked.Method = http.MethodGet
			r = asked
		}
		next.ServeHTTP(w, r)
	})
}
