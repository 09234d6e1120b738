package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// unreadable says of each variable that cannot be read what it has to be; the
// library names the field of our program, which means nothing to an operator.
func unreadable(err error) []error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []error{err}
	}
	var out []error
	for _, one := range all.Errors {
		var failed env.ParseError
		field, known := reflect.StructField{}, errors.As(one, &failed)
		if known {
			field, known = reflect.TypeFor[Config]().FieldByName(failed.Name)
		}
		if !known {
			out = append(out, one)
			continue
		}
		out = append(out, fmt.Errorf("%s is %s", field.Tag.Get("env"), wanted(field.Type)))
	}
	return out
}

func wanted(kind reflect.Type) string {
	switch kind {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 90s, 5m or 2h"
	case reflect.TypeFor[[]time.Duration]():
		return "durations such as 90s, 5m or 2h, separated by commas"
	case reflect.TypeFor[[]netip.Prefix]():
		return "networks such as 10.0.0.0/8 or 2001:db8::/32, separated by commas"
	case reflect.TypeFor[bool]():
		return "true or false"
	}
	return "a whole number"
}

// places looks at what says where things are, or how much is told about them.
func (c Config) places() []error {
	var errs []error
	for _, name := range []struct{ variable, address string }{{"PARVIS_ADDR", c.Addr}, {"PARVIS_CONFORMANCE_ADDR", c.ConformanceAddr}} {
		if name.address == "" {
			continue
		}
		_, port, err := net.SplitHostPort(name.address)
		if _, none := strconv.ParseUint(port, 10, 16); err != nil || none != nil {
			errs = append(errs, fmt.Errorf("%s is an address with a port of at most 65535, such as 127.0.0.1:8080", name.variable))
		}
	}
	for _, at := range []struct {
		variable, url string
		schemes       []string
	}{
		{"PARVIS_SMTP_URL", c.SMTPURL, []string{"smtp", "smtps"}},
		{"PARVIS_DATABASE_URL", c.DatabaseURL, []string{"postgres", "postgresql"}},
		{"PARVIS_MIGRATION_URL", c.MigrationURL, []string{"postgres", "postgresql"}},
		{"PARVIS_LISTEN_URL", c.ListenURL, []string{"postgres", "postgresql"}},
	} {
		if u, err := url.Parse(at.url); at.url != "" && err == nil && u.Scheme != "" && !slices.Contains(at.schemes, u.Scheme) {
			errs = append(errs, fmt.Errorf("%s begins with %s://", at.variable, strings.Join(at.schemes, ":// or ")))
		}
	}
	var level slog.Level
	if c.LogLevel != "" && level.UnmarshalText([]byte(strings.ToUpper(c.LogLevel))) != nil {
		errs = append(errs, errors.New("PARVIS_LOG_LEVEL is debug, info, warn or error"))
	}
	return errs
}
