package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/tlsfile"
)

// least is the time that a member gets for an answer in any case.
const least = 100 * time.Millisecond

// attempts is how often the library asks. It would ask again also after a write that
// a server broke off and that has taken effect; then it is a conflict with itself.
const attempts = 1

// reconnect is how long after a failed connection the next one is tried.
var reconnect = backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}

// failFast lets a call fail when its member refuses connections, and say so. The
// library would have it wait until the context ends.
func failFast(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(ctx, method, request, reply, conn, append(options, grpc.WaitForReady(false))...)
}

// member is one member of the cluster, with a client of its own: the library's own
// balancer takes turns, also with a member that hangs.
type member struct {
	store    *Store
	endpoint string
	left     chan struct{} // closed when the store goes on to the next member; guarded by Store.mu

	mu         sync.Mutex
	client     *clientv3.Client
	connecting *attempt
	closed     bool
}

// attempt makes a client. With a user that means to ask the member for a token, so
// it can take as long as a call.
type attempt struct {
	done   chan struct{}
	client *clientv3.Client
	err    error
}

// connect returns the client of the member.
func (m *member) connect(ctx context.Context) (*clientv3.Client, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, errors.New("the store is closed")
	}
	if m.client != nil {
		defer m.mu.Unlock()
		return m.client, nil
	}
	a := m.connecting
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		m.connecting = a
		go m.dial(a)
	}
	m.mu.Unlock()
	select {
	case <-a.done:
		return a.client, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to %s: %w", m.endpoint, ctx.Err())
	}
}

func (m *member) dial(a *attempt) {
	defer close(a.done)
	a.client, a.err = m.newClient()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.connecting = nil
	if a.err != nil {
		a.err = fmt.Errorf("connect to %s: %w", m.endpoint, a.err)
		return
	}
	if m.closed {
		a.err = errors.Join(errors.New("the store is closed"), a.client.Close())
		return
	}
	m.client = a.client
}

func (m *member) newClient() (*clientv3.Client, error) {
	s := m.store
	password, err := tlsfile.Secret(s.spec, "password-file", "password file")
	if err != nil {
		return nil, err
	}
	return clientv3.New(clientv3.Config{
		Endpoints:            []string{m.endpoint},
		DialTimeout:          s.timeout,
		DialKeepAliveTime:    keepaliveTime,
		DialKeepAliveTimeout: keepaliveTimeout,
		TLS:                  s.tls,
		Username:             s.spec.Params["user"],
		Password:             password,
		MaxUnaryRetries:      attempts,
		DialOptions: []grpc.DialOption{
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: s.timeout}),
			grpc.WithChainUnaryInterceptor(failFast),
		},
		Logger: zap.NewNop(),
	})
}

func (m *member) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.client != nil {
		// It was used for the last time: what it says is of no use to anybody.
		_ = m.client.Close()
	}
}

// ask reads: it asks one member after the other until one answers.
func (s *Store) ask(ctx context.Context, read func(context.Context, *clientv3.Client) error) error {
	var err error
	for range s.members {
		m := s.member()
		if err = s.once(ctx, m, len(s.members), read); err == nil || !elsewhere(ctx, err) {
			return err
		}
		s.leave(m)
	}
	return err
}

// tell writes: it asks one member once, since the answer to a write can be lost. A
// member that there is no connection to is asked something else before.
func (s *Store) tell(ctx context.Context, key string, write func(context.Context, *clientv3.Client) error) error {
	m := s.member()
	if !m.ready() {
		if err := s.ask(ctx, func(ctx context.Context, client *clientv3.Client) error {
			_, err := client.Get(ctx, s.path(key), clientv3.WithCountOnly())
			if code(err) == codes.PermissionDenied {
				return nil // it has answered, and may allow the write
			}
			return err
		}); err != nil {
			return err
		}
		m = s.member()
	}
	err := s.once(ctx, m, 1, write)
	if err != nil && elsewhere(ctx, err) {
		s.leave(m)
	}
	return err
}

// once asks one member. Where share is not 1 it has that part of the time.
func (s *Store) once(ctx context.Context, m *member, share int, call func(context.Context, *clientv3.Client) error) error {
	if share > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(s.timeout/time.Duration(share), least))
		defer cancel()
	}
	client, err := m.connect(ctx)
	if err == nil {
		err = call(ctx, client)
	}
	if errors.Is(err, rpctypes.ErrInvalidAuthToken) || errors.Is(err, rpctypes.ErrAuthOldRevision) {
		// The member has done nothing, and the library has a new token by now.
		err = call(ctx, client)
	}
	if ended := ctx.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w (%w)", ended, err)
	}
	return err
}

// ready tells whether there is a connection.
func (m *member) ready() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client != nil && m.client.ActiveConnection().GetState() == connectivity.Ready
}

// elsewhere tells whether another member may do better: this one has not answered,
// or has no majority. A caller that has given up says nothing about it.
func elsewhere(ctx context.Context, err error) bool {
	if errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, store.ErrAbsent) || errors.Is(err, store.ErrConflict) {
		return false
	}
	switch code(err) {
	case codes.PermissionDenied, codes.InvalidArgument, codes.Unauthenticated, codes.FailedPrecondition:
		return false
	}
	return true
}

// code is what the server, or grpc, has answered.
func code(err error) codes.Code {
	if answered, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return answered.Code()
	}
	return status.Code(err)
}
