package config

import (
	"fmt"
	"strings"

	"github.com/parvis-crm/parvis/internal/country"
)

// countries refuses what is no country where one is named: answers carry it as
// two letters, and who reads them looks it up.
func (c Config) countries() (errs []error) {
	wrong := func(variable, code string) {
		if code != "" && !country.Exists(code) {
			errs = append(errs, fmt.Errorf("%s names a country by the two letters of ISO 3166-1, such as FR, and %q is none", variable, code))
		}
	}
	wrong("PARVIS_HOSTING_COUNTRY", c.HostingCountry)
	wrong("PARVIS_HOSTING_OWNER_COUNTRY", c.HostingOwnerCountry)
	for _, line := range c.DeclaredHosts {
		_, what, _ := strings.Cut(line, "=")
		parts := append(strings.SplitN(what, "/", 3), "", "")
		wrong("PARVIS_DECLARED_HOSTS", parts[0])
		wrong("PARVIS_DECLARED_HOSTS", parts[2])
	}
	return errs
}
