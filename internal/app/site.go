package app

import (
	"net/url"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/register"
)

// siteOf is where an installation is and where it sends anything.
func siteOf(c config.Config) register.Site {
	s := register.Site{
		Hosting:  register.Place{Country: c.HostingCountry, Owner: c.HostingProvider, OwnerCountry: c.HostingOwnerCountry},
		Declared: map[string]register.Place{}, Outgoing: map[string]string{},
	}
	for _, line := range c.DeclaredHosts {
		host, what, _ := strings.Cut(line, "=")
		parts := append(strings.SplitN(what, "/", 3), "", "")
		s.Declared[strings.ToLower(strings.TrimSpace(host))] = register.Place{Country: parts[0], Owner: parts[1], OwnerCountry: parts[2]}
	}
	for use, raw := range map[string]string{"smtp": c.SMTPURL, "kms": c.KMSURL, "traces": c.TraceEndpoint} {
		if u, err := url.Parse(raw); err == nil && u.Hostname() != "" {
			s.Outgoing[use] = strings.ToLower(u.Hostname())
		}
	}
	return s
}

// examineHosts warns of hosts of which nobody said where they are and whose.
func (f *findings) examineHosts(cfg config.Config) {
	s := siteOf(cfg)
	if cfg.HostingCountry == "" {
		f.sayf(warning, "It is not said where the data is: set PARVIS_HOSTING_COUNTRY, PARVIS_HOSTING_PROVIDER and PARVIS_HOSTING_OWNER_COUNTRY.")
	}
	var unknown []string
	for use, host := range s.Outgoing {
		if _, declared := s.Declaration(host); !declared && !loopback(host) {
			unknown = append(unknown, host+" ("+use+")")
		}
	}
	slices.Sort(unknown)
	for _, host := range unknown {
		f.sayf(warning, "Nobody declared where %s is and whose it is: add it to PARVIS_DECLARED_HOSTS as host=country/owner/country of the owner.", host)
	}
}
