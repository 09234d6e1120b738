package egress

import (
	"net/netip"
	"slices"
)

// Public says whether an address is one that a stranger may send the server to.
//
// The method predicates of [netip.Addr] are not enough: IsPrivate and its
// siblings let through shared address space, benchmarking, documentation and
// reserved networks, and the IPv6 forms that translate to or tunnel IPv4. Of
// IPv4, everything is public but the special-purpose blocks; of IPv6, only what
// is delegated for global unicast, 2000::/3, but its special-purpose blocks
// (RFC 6890 and the IANA special-purpose address registries it set up).
// IPv4-mapped addresses are judged as the IPv4 address they stand for.
func Public(address netip.Addr) bool {
	address = address.Unmap()
	if !address.IsValid() || address.Zone() != "" {
		return false
	}
	within := func(prefix netip.Prefix) bool { return prefix.Contains(address) }
	if address.Is4() {
		return !slices.ContainsFunc(specialIPv4, within)
	}
	return globalUnicastIPv6.Contains(address) && !slices.ContainsFunc(specialIPv6, within)
}

var specialIPv4 = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network (RFC 791)
	netip.MustParsePrefix("10.0.0.0/8"),       // private use (RFC 1918)
	netip.MustParsePrefix("100.64.0.0/10"),    // shared address space (RFC 6598)
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback (RFC 1122)
	netip.MustParsePrefix("168.63.129.16/32"), // platform services of Azure: a public address answered by the host
	netip.MustParsePrefix("169.254.0.0/16"),   // link local (RFC 3927), metadata services of clouds
	netip.MustParsePrefix("172.16.0.0/12"),    // private use (RFC 1918)
	netip.MustParsePrefix("192.0.0.0/24"),     // IETF protocol assignments (RFC 6890)
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation (RFC 5737)
	netip.MustParsePrefix("192.31.196.0/24"),  // AS112-v4 (RFC 7535)
	netip.MustParsePrefix("192.52.193.0/24"),  // AMT (RFC 7450)
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relay anycast (RFC 7526)
	netip.MustParsePrefix("192.168.0.0/16"),   // private use (RFC 1918)
	netip.MustParsePrefix("192.175.48.0/24"),  // direct delegation AS112 (RFC 7534)
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarking (RFC 2544)
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation (RFC 5737)
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation (RFC 5737)
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast (RFC 5771)
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved (RFC 1112) and limited broadcast (RFC 8190)
}

var globalUnicastIPv6 = netip.MustParsePrefix("2000::/3")

var specialIPv6 = []netip.Prefix{
	netip.MustParsePrefix("2001::/23"),     // IETF protocol assignments (RFC 2928), Teredo included
	netip.MustParsePrefix("2001:db8::/32"), // documentation (RFC 3849)
	netip.MustParsePrefix("2002::/16"),     // 6to4 (RFC 3056)
	netip.MustParsePrefix("3fff::/20"),     // documentation (RFC 9637)
}
