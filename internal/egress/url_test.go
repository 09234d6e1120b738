package egress_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/egress"
)

func names() map[string][][]netip.Addr {
	return map[string][][]netip.Addr{
		"hooks.example.org.":                              once("93.184.215.14", "2606:2800:220:1::1"),
		"xn--thtre-4qa2c.example.org.":                    once("93.184.215.14"),
		"private.example.org.":                            once("10.1.2.3"),
		"loopback.example.org.":                           once("127.0.0.1"),
		"metadata.example.org.":                           once("169.254.169.254"),
		"ula.example.org.":                                once("fd00:ec2::254"),
		"nat64.example.org.":                              once("64:ff9b::7f00:1"),
		"mixed.example.org.":                              once("93.184.215.14", "10.1.2.3"),
		"mixed6.example.org.":                             once("93.184.215.14", "fe80::1"),
		"inhouse.example.org.":                            once("172.20.0.7"),
		"halfway.example.org.":                            once("172.20.0.7", "93.184.215.14"),
		"r3---cdn.example.org.":                           once("93.184.215.14"),
		strings.Repeat("a23456789.", 24) + "example.org.": once("93.184.215.14"),
	}
}

func client(t *testing.T, allow ...string) *egress.Client {
	t.Helper()
	config := egress.Config{Resolver: newNameServer(names()).resolver(t)}
	for _, prefix := range allow {
		config.AllowCIDRs = append(config.AllowCIDRs, netip.MustParsePrefix(prefix))
	}
	return egress.New(config)
}

func requireRefused(t *testing.T, err error, want egress.Code) {
	t.Helper()
	var refused *egress.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, want, refused.Code, refused.Text)
	require.True(t, strings.HasSuffix(refused.Text, "."), "a sentence: %q", refused.Text)
}

func TestValidateURLAccepts(t *testing.T) {
	t.Parallel()
	strict := client(t)
	inhouse := client(t, "172.20.0.0/16", "::ffff:127.0.0.0/104", "fd12::/16")
	long := strings.Repeat("a23456789.", 24) + "example.org"
	tests := []struct {
		client    *egress.Client
		raw, want string
	}{
		{strict, "https://hooks.example.org/in?x=1", "https://hooks.example.org/in?x=1"},
		{strict, "HTTPS://Hooks.Example.ORG:443/In#top", "https://hooks.example.org/In"},
		{strict, "https://hooks.example.org./", "https://hooks.example.org/"},
		{strict, "https://hooks.example.org:/", "https://hooks.example.org/"},
		{strict, "https://théâtre.example.org/", "https://xn--thtre-4qa2c.example.org/"},
		{strict, "https://r3---cdn.example.org/", "https://r3---cdn.example.org/"},
		{strict, "https://" + long + "/", "https://" + long + "/"},
		// A name without addresses today is judged when it is called.
		{strict, "https://later.example.org/", "https://later.example.org/"},
		{inhouse, "https://hooks.example.org/", "https://hooks.example.org/"},
		{inhouse, "http://inhouse.example.org:8080/in", "http://inhouse.example.org:8080/in"},
		{inhouse, "http://inhouse.example.org:80/", "http://inhouse.example.org/"},
		{inhouse, "https://inhouse.example.org:8443/", "https://inhouse.example.org:8443/"},
		{inhouse, "http://172.20.1.2/", "http://172.20.1.2/"},
		{inhouse, "http://127.0.0.1:9999/", "http://127.0.0.1:9999/"},
		{inhouse, "http://[::ffff:127.0.0.1]:9999/", "http://[::ffff:127.0.0.1]:9999/"},
		{inhouse, "https://[FD12::0001]:8443/", "https://[fd12::1]:8443/"},
		{inhouse, "https://halfway.example.org/", "https://halfway.example.org/"},
	}
	for _, test := range tests {
		t.Run(test.raw, func(t *testing.T) {
			t.Parallel()
			parsed, err := test.client.ValidateURL(test.raw)
			require.NoError(t, err)
			require.Equal(t, test.want, parsed.String())
		})
	}
}

func TestValidateURLRefuses(t *testing.T) {
	t.Parallel()
	strict, inhouse := client(t), client(t, "172.20.0.0/16")
	tests := []struct {
		client *egress.Client
		raw    string
		want   egress.Code
	}{
		{strict, "", egress.CodeSchemeForbidden},
		{strict, "hooks.example.org", egress.CodeSchemeForbidden},
		{strict, "//hooks.example.org/", egress.CodeSchemeForbidden},
		{strict, "http://hooks.example.org/", egress.CodeSchemeForbidden},
		{strict, "ftp://hooks.example.org/", egress.CodeSchemeForbidden},
		{strict, "file:///etc/passwd", egress.CodeSchemeForbidden},
		{strict, "gopher://hooks.example.org/", egress.CodeSchemeForbidden},
		{strict, "unix:///var/run/docker.sock", egress.CodeSchemeForbidden},
		{strict, "https:hooks.example.org", egress.CodeURLInvalid},
		{strict, "https:///path", egress.CodeURLInvalid},
		{strict, "https://:443/", egress.CodeURLInvalid},
		{strict, " https://hooks.example.org/", egress.CodeURLInvalid},
		{strict, "https://hooks.example.org\r\n.evil/", egress.CodeURLInvalid},
		{strict, "https://hooks.example.org\\@10.0.0.1/", egress.CodeURLInvalid},
		{strict, "https://user@hooks.example.org/", egress.CodeUserInfo},
		{strict, "https://user:secret@hooks.example.org/", egress.CodeUserInfo},
		{strict, "https://@hooks.example.org/", egress.CodeUserInfo},
		{strict, "https://hooks.example.org@10.0.0.1/", egress.CodeUserInfo},
		{strict, "https://hooks.example.org:8443/", egress.CodePortForbidden},
		{strict, "https://hooks.example.org:80/", egress.CodePortForbidden},
		{strict, "https://hooks.example.org:0/", egress.CodePortForbidden},
		{strict, "https://hooks.example.org:65979/", egress.CodePortForbidden},
		{strict, "https://93.184.215.14/", egress.CodeIPLiteral},
		{strict, "https://127.0.0.1/", egress.CodeIPLiteral},
		{strict, "https://%31%32%37.0.0.1/", egress.CodeURLInvalid},
		{strict, "https://[::1]/", egress.CodeIPLiteral},
		{strict, "https://[2606:2800:220:1::1]/", egress.CodeIPLiteral},
		{strict, "https://[::ffff:10.0.0.1]/", egress.CodeIPLiteral},
		{strict, "https://[fe80::1%25lo]/", egress.CodeIPLiteral},
		{strict, "https://2130706433/", egress.CodeIPLiteral},
		{strict, "https://0x7f000001/", egress.CodeIPLiteral},
		{strict, "https://0x7f.1/", egress.CodeIPLiteral},
		{strict, "https://127.1/", egress.CodeIPLiteral},
		{strict, "https://0177.0.0.1/", egress.CodeIPLiteral},
		{strict, "https://127.0.0.1./", egress.CodeIPLiteral},
		{strict, "https://１２７.０.０.１/", egress.CodeIPLiteral},
		{strict, "https://①②⑦。０。０。①/", egress.CodeIPLiteral},
		{strict, "https://a_b.example.org/", egress.CodeHostInvalid},
		{strict, "https://a..example.org/", egress.CodeHostInvalid},
		{strict, "https://./", egress.CodeHostInvalid},
		{strict, "https://xn--a.example.org/", egress.CodeHostInvalid},
		{strict, "https://" + strings.Repeat("a", 64) + ".example.org/", egress.CodeHostInvalid},
		{strict, "https://" + strings.Repeat("a23456789.", 25) + "org1/", egress.CodeHostInvalid},
		{strict, "https://localhost/", egress.CodeAddressForbidden},
		{strict, "https://private.example.org/", egress.CodeAddressForbidden},
		{strict, "https://loopback.example.org/", egress.CodeAddressForbidden},
		{strict, "https://metadata.example.org/", egress.CodeAddressForbidden},
		{strict, "https://ula.example.org/", egress.CodeAddressForbidden},
		{strict, "https://nat64.example.org/", egress.CodeAddressForbidden},
		{strict, "https://mixed.example.org/", egress.CodeAddressForbidden},
		{strict, "https://mixed6.example.org/", egress.CodeAddressForbidden},
		{strict, "https://inhouse.example.org/", egress.CodeAddressForbidden},
		// What is allowed in the house is allowed nowhere else.
		{inhouse, "https://private.example.org/", egress.CodeAddressForbidden},
		{inhouse, "http://hooks.example.org/", egress.CodeSchemeForbidden},
		{inhouse, "http://later.example.org/", egress.CodeSchemeForbidden},
		{inhouse, "http://halfway.example.org/", egress.CodeSchemeForbidden},
		{inhouse, "https://hooks.example.org:8443/", egress.CodePortForbidden},
		{inhouse, "https://93.184.215.14/", egress.CodeIPLiteral},
		{inhouse, "https://10.0.0.1/", egress.CodeIPLiteral},
		{inhouse, "https://u@inhouse.example.org/", egress.CodeUserInfo},
		{inhouse, "ftp://inhouse.example.org/", egress.CodeSchemeForbidden},
		{inhouse, "https://[fe80::1%25lo]/", egress.CodeIPLiteral},
	}
	for _, test := range tests {
		t.Run(test.raw, func(t *testing.T) {
			t.Parallel()
			parsed, err := test.client.ValidateURL(test.raw)
			requireRefused(t, err, test.want)
			require.Nil(t, parsed)
		})
	}
}

func TestARefusalDoesNotTellWhatANameResolvesTo(t *testing.T) {
	t.Parallel()
	_, err := client(t).ValidateURL("https://private.example.org/")
	require.NotContains(t, err.Error(), "10.1.2.3")
	var refused *egress.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, netip.MustParseAddr("10.1.2.3"), refused.Address)
}

func TestValidationDoesNotWaitForADeadNameServer(t *testing.T) {
	t.Parallel()
	dead := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	impatient := egress.New(egress.Config{Resolver: dead, ConnectTimeout: 50 * time.Millisecond})
	_, err := impatient.ValidateURL("https://hooks.example.org/")
	require.NoError(t, err)

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("caller left"))
	_, err = impatient.ValidateURLContext(ctx, "https://hooks.example.org/")
	require.ErrorIs(t, err, context.Canceled)
}
