package siem_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test's own binary be the receiver that is killed.
func TestMain(m *testing.M) {
	if address := os.Getenv("PARVIS_TEST_RECEIVER"); address != "" {
		receive(address, os.Getenv("PARVIS_TEST_CERTIFICATE"), os.Getenv("PARVIS_TEST_RECEIVED"))
	}
	os.Exit(m.Run())
}

// receive is a receiver of syslog over TLS: it writes each message down as soon
// as it has it whole, and ends a connection when the sender has.
func receive(address, certificate, received string) {
	pair, err := tls.LoadX509KeyPair(certificate, certificate)
	if err != nil {
		panic(err)
	}
	listener, err := tls.Listen("tcp", address, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err != nil {
		panic(err)
	}
	out, err := os.OpenFile(received, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString("listening\n")
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		r := bufio.NewReader(conn)
		for {
			head, err := r.ReadString(' ')
			if err != nil {
				break
			}
			size, err := strconv.Atoi(strings.TrimSpace(head))
			if err != nil {
				panic(err)
			}
			message := make([]byte, size+1)
			if _, err := io.ReadFull(r, message[:size]); err != nil {
				break
			}
			message[size] = '\n'
			if _, err := out.Write(message); err != nil {
				panic(err)
			}
		}
		_ = conn.Close()
	}
}

// receiver is such a program, with its certificate.
type receiver struct {
	address, certificate, received, authority string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	folder := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // for a port that is free
	require.NoError(t, err)
	r := &receiver{address: listener.Addr().String(), certificate: filepath.Join(folder, "receiver.pem"), received: filepath.Join(folder, "received")}
	require.NoError(t, listener.Close())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "receiver"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	r.authority = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	both := r.authority + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	require.NoError(t, os.WriteFile(r.certificate, []byte(both), 0o600))
	return r
}

// start runs the receiver and returns what kills it, as kill -9 does.
func (r *receiver) start(t *testing.T) (kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "PARVIS_TEST_RECEIVER="+r.address, "PARVIS_TEST_CERTIFICATE="+r.certificate, "PARVIS_TEST_RECEIVED="+r.received)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.True(t, bufio.NewScanner(out).Scan(), "the receiver listens")
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// messages are what the receiver has written down.
func (r *receiver) messages(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile(r.received)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	if len(raw) == 0 {
		return nil
	}
	return lines
}
