package azblob

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"stead/internal/adapter/store"
)

// A consumer of Azure Event Hubs keeps its checkpoint in the metadata of an empty
// blob, in a container of its own choice.
func TestMetadata(t *testing.T) {
	p := newPlace(t)
	status := p.request(t, http.MethodPut, "/"+container+"/prefix/hub/$default/checkpoint/1", map[string]string{
		"x-ms-blob-type": "BlockBlob", "x-ms-meta-sequencenumber": "3462", "x-ms-meta-offset": "774464",
	})
	if status != http.StatusCreated {
		t.Fatalf("write the checkpoint: %d", status)
	}
	s := p.byKey(t)
	for name, want := range map[string]string{"sequencenumber": "3462", "SequenceNumber": "3462", "OFFSET": "774464"} {
		if got, err := s.Metadata(t.Context(), "hub/$default/checkpoint/1", name); err != nil || got != want {
			t.Errorf("metadata %s: %q, %v; want %q", name, got, err, want)
		}
	}
	_, err := s.Metadata(t.Context(), "hub/$default/checkpoint/1", "epoch")
	if err == nil || errors.Is(err, store.ErrAbsent) || !strings.Contains(err.Error(), "it has offset, sequencenumber") {
		t.Errorf("a name that is not there: %v", err)
	}
	if _, err := s.Metadata(t.Context(), "hub/$default/checkpoint/2", "offset"); !errors.Is(err, store.ErrAbsent) {
		t.Errorf("a blob that is not there: %v", err)
	}
	if value, err := s.Blob("hub/$default/checkpoint/1").Read(t.Context()); err != nil || len(value) != 0 {
		t.Errorf("the empty blob: %q, %v", value, err)
	}
}
