package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5" // #nosec: CRAM-MD5 (RFC 2195) is made of it
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// smtpServer is a mail server for one test. Its fields are set before it starts.
type smtpServer struct {
	startTLS bool
	fromTLS  bool
	auth     string              // the mechanisms that it offers
	answers  map[string][]string // by command: the coming answers in the place of the usual
	mute     bool                // it never says a word

	tls     *tls.Config
	roots   *x509.CertPool
	address string

	mu    sync.Mutex
	log   []string // commands, after "clear " or "tls "
	mails []received
	conns sync.WaitGroup
}

type received struct {
	from, to, user string
	encrypted      bool
	data           string
}

const (
	mailUser     = "stead"
	mailPassword = "pass word"
)

// listen starts the server, on the address of an earlier one where that is given.
func (s *smtpServer) listen(t *testing.T, address string) (stop func()) {
	t.Helper()
	if s.tls == nil {
		s.tls, s.roots = certificate(t)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	var open sync.Map
	s.conns.Add(1)
	go func() {
		defer s.conns.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, true)
			s.conns.Add(1)
			go func() { defer s.conns.Done(); defer c.Close(); s.serve(c) }()
		}
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = l.Close()
			open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
			s.conns.Wait()
		})
	}
	t.Cleanup(stop)
	return stop
}

func (s *smtpServer) serve(c net.Conn) {
	encrypted := s.fromTLS
	if s.fromTLS {
		c = tls.Server(c, s.tls)
	}
	if s.mute {
		_, _ = c.Read(make([]byte, 1))
		return
	}
	in := bufio.NewReader(c)
	say := func(text string) { _, _ = c.Write([]byte(text + "\r\n")) }
	say(s.answer("greeting", "220 mail.test ESMTP"))
	mail := received{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		s.note(encrypted, line)
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say(s.extensions(encrypted))
		case "STARTTLS":
			answer := s.answer("STARTTLS", "220 go ahead")
			say(answer)
			if answer[0] == '2' {
				c = tls.Server(c, s.tls)
				in, encrypted = bufio.NewReader(c), true
			}
		case "AUTH":
			mail.user = s.login(rest, in, say)
		case "MAIL":
			mail.from, mail.encrypted = rest, encrypted
			say(s.answer("MAIL", "250 ok"))
		case "RCPT":
			mail.to = strings.TrimPrefix(rest, "TO:")
			say(s.answer("RCPT "+mail.to, s.answer("RCPT", "250 ok")))
		case "DATA":
			answer := s.answer("DATA", "354 go on")
			say(answer)
			if answer[0] != '3' {
				continue
			}
			mail.data = readData(in)
			answer = s.answer("END", "250 queued")
			if answer[0] == '2' {
				s.mu.Lock()
				s.mails = append(s.mails, mail)
				s.mu.Unlock()
			}
			say(answer)
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *smtpServer) extensions(encrypted bool) string {
	lines := []string{"mail.test", "8BITMIME"}
	if s.startTLS && !encrypted {
		lines = append(lines, "STARTTLS")
	}
	if s.auth != "" {
		lines = append(lines, "AUTH "+s.auth)
	}
	for i := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		lines[i] = "250" + separator + lines[i]
	}
	return strings.Join(lines, "\r\n")
}

// login takes PLAIN, LOGIN and CRAM-MD5 and returns the mechanism and the user.
func (s *smtpServer) login(rest string, in *bufio.Reader, say func(string)) string {
	mechanism, initial, _ := strings.Cut(rest, " ")
	ask := func(challenge string) string {
		say("334 " + base64.StdEncoding.EncodeToString([]byte(challenge)))
		line, _ := in.ReadString('\n')
		text, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		return string(text)
	}
	var user, password string
	good := false
	switch mechanism {
	case "PLAIN":
		text, _ := base64.StdEncoding.DecodeString(initial)
		parts := strings.Split(string(text), "\x00")
		if len(parts) == 3 {
			user, password = parts[1], parts[2]
		}
		good = user == mailUser && password == mailPassword
	case "LOGIN":
		user, password = ask("Username:"), ask("Password:")
		good = user == mailUser && password == mailPassword
	case "CRAM-MD5":
		const challenge = "<1896.697170952@mail.test>"
		var digest string
		user, digest, _ = strings.Cut(ask(challenge), " ")
		mac := hmac.New(md5.New, []byte(mailPassword))
		mac.Write([]byte(challenge))
		good = user == mailUser && digest == hex.EncodeToString(mac.Sum(nil))
	}
	if !good {
		say(s.answer("AUTH", "535 5.7.8 authentication failed"))
		return ""
	}
	say("235 welcome")
	return mechanism + " " + user
}

func readData(in *bufio.Reader) string {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// answer is the next one planned for a command, or the usual one.
func (s *smtpServer) answer(command, usual string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if planned := s.answers[command]; len(planned) > 0 {
		s.answers[command] = planned[1:]
		return planned[0]
	}
	return usual
}

func (s *smtpServer) note(encrypted bool, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	way := "clear "
	if encrypted {
		way = "tls "
	}
	s.log = append(s.log, way+line)
}

func (s *smtpServer) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

func (s *smtpServer) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// certificate makes one for 127.0.0.1, signed by itself.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(fmt.Errorf("own certificate: %w", err))
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}
