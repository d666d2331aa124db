package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"stead/internal/adapter/outbox"
	"stead/internal/config"
)

// overTLS are the ways to log in where nobody else reads along, the best first.
var overTLS = []gomail.SMTPAuthType{
	gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5,
}

// inClear are those for `tls: none`, where a user and a password were given all
// the same: what does not show the password first.
var inClear = []gomail.SMTPAuthType{
	gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc,
}

// connect prepares one attempt. It is over after the configured time, and cancel
// closes what is left of it.
func (m *Mailer) connect(ctx context.Context, cfg *config.Email) (*gomail.Client, context.Context, context.CancelFunc, error) {
	host, portText, err := net.SplitHostPort(cfg.Server)
	if err != nil {
		return nil, nil, nil, outbox.Permanent(fmt.Errorf("server %q: not host:port", cfg.Server))
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, nil, nil, outbox.Permanent(fmt.Errorf("server %q: not host:port", cfg.Server))
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	secure := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: m.roots}
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(cfg.Timeout), gomail.WithTLSConfig(secure),
		gomail.WithDialContextFunc(dialer(ctx, cfg, secure)),
	}
	if hello := cmp.Or(cfg.Hello, m.o.Hello); hello != "" {
		options = append(options, gomail.WithHELO(hello))
	}
	policy, ways := gomail.TLSMandatory, overTLS
	switch cfg.TLS {
	case config.TLSFromStart:
		policy = gomail.NoTLS // there is nothing left to start
	case config.TLSNone:
		policy, ways = gomail.NoTLS, inClear
	}
	options = append(options, gomail.WithTLSPolicy(policy))
	if cfg.User != "" {
		options = append(options, gomail.WithUsername(cfg.User), gomail.WithPassword(strings.TrimRight(string(cfg.Password), "\r\n")),
			gomail.WithOpportunisticSMTPAuth(ways...))
	}
	client, err := gomail.NewClient(host, options...)
	if err != nil {
		cancel()
		return nil, nil, nil, outbox.Permanent(fmt.Errorf("%s: %w", cfg.Server, err))
	}
	return client, ctx, cancel, nil
}

// dialer connects. The connection is closed when the attempt is over, whatever
// the server does: the library gives up its own hold on some errors.
func dialer(attempt context.Context, cfg *config.Email, secure *tls.Config) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(attempt, func() { _ = conn.Close() })
		if cfg.TLS != config.TLSFromStart {
			return conn, nil
		}
		encrypted := tls.Client(conn, secure)
		return encrypted, encrypted.HandshakeContext(ctx)
	}
}
