# Targets of one line each; `make help` lists them with what they do.

export PATH := $(PATH):/usr/sbin:/sbin:/usr/local/go/bin
GO      := go
VERSION := $(shell git describe --tags 2>/dev/null)
STAMP   := $(shell git status >/dev/null 2>&1 && echo true || echo false)
BUILD   := -trimpath -buildvcs=$(STAMP) -ldflags '-s -w -X stead/internal/report/build.Version=$(VERSION)'
SEEDS   ?= 2000

.DEFAULT_GOAL := test
.PHONY: help build demo test check sim fuzz netns bench bench-vrrp bench-bgp figures soak soak-bfd mutants image docs clean

help: ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

build: ## build the static binary bin/stead
	@CGO_ENABLED=0 $(GO) build $(BUILD) -o bin/stead ./cmd/stead

demo: ## set up what it needs, and go through every fault of the lab (report: lab-report.html)
	@scripts/setup.sh demo && $(MAKE) --no-print-directory build && bin/stead lab --html lab-report.html

test: ## set up what it needs, and run everything that shows whether it works
	@if [ $$(id -u) = 0 ]; then scripts/setup.sh test || true; fi; mkdir -p bin && $(GO) run ./test/all -seeds $(SEEDS)

check: ## gofmt, go vet, staticcheck and the rules of the house
	@mkdir -p bin && $(GO) run ./test/all format vet staticcheck tidy

sim: build ## send SEEDS=2000 random worlds through the simulator, and 200 with route servers
	@bin/stead simulate --seeds $(SEEDS) && bin/stead simulate --bgp --seeds $$(($(SEEDS) / 10 + 1))

fuzz: ## run every fuzz target for T=30s
	@mkdir -p bin && $(GO) run ./test/all -fuzz $(or $(T),30s) fuzz

netns: ## the tests that touch the kernel, in network namespaces
	@mkdir -p bin && $(GO) run ./test/all kernel

bench: ## measure Stead against keepalived on this machine
	@scripts/setup.sh bench && $(MAKE) --no-print-directory build && $(GO) run ./bench

bench-vrrp: ## measure Stead against keepalived, both by VRRP, N=4 trials of each fault
	@scripts/setup.sh bench && $(MAKE) --no-print-directory build && $(GO) run ./bench -vrrp -n $(or $(N),4) -idle 10s

bench-bgp: ## measure Stead against ExaBGP and FRR before route servers, N=4 trials of each fault
	@scripts/setup.sh bench && $(MAKE) --no-print-directory build && $(GO) run ./bench -bgp -n $(or $(N),4) -idle 10s

figures: build ## run each fault of the lab N=20 times and write the table of README.md anew
	@bin/stead lab --runs $(or $(N),20) --json | $(GO) run ./bench/figures README.md

soak: build ## run the pair at its fastest beside busy loops for T=10m; count false failovers
	@$(GO) run ./bench/soak -for $(or $(T),10m)

soak-bfd: build ## run BFD at 10 ms x 3 beside busy loops for T=2m; count sessions that go down
	@scripts/setup.sh bench && $(GO) run ./bench/soak -bfd -for $(or $(T),2m)

mutants: ## plant each known bug and require that a checker finds it
	@mkdir -p bin && $(GO) run ./test/all mutants

image: build ## build the container image dist/stead-image.tar, without Docker
	@cd deploy/image/pack && $(GO) build -buildvcs=false -o ../../../bin/pack . && cd ../../.. && bin/pack -version '$(VERSION)' -tag stead:$(or $(VERSION),latest)

docs: ## write the generated pages of docs/reference anew; fails where they had drifted
	@$(GO) generate ./... && git diff --exit-code -- docs

clean: ## remove what was built
	@rm -rf bin dist lab-report lab-report.html
