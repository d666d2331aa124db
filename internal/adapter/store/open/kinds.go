package open

import (
	"stead/internal/adapter/store/azblob"
	"stead/internal/adapter/store/consul"
	"stead/internal/adapter/store/etcd"
	"stead/internal/adapter/store/folder"
	"stead/internal/adapter/store/kubernetes"
	"stead/internal/adapter/store/s3"
)

// openers has a line for each kind of store.
var openers = map[string]opener{
	"azblob":     azblob.Open,
	"consul":     consul.Open,
	"etcd":       etcd.Open,
	"folder":     folder.Open,
	"kubernetes": kubernetes.Open,
	"s3":         s3.Open,
}
