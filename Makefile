# One Makefile, out of tree. It parses without pkg-config: `demo` and `test` install what is missing
# (contrib/deps) and re-enter make, so that a bare machine needs only git and make.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

VERSION = 0.1.0
B ?= build
CC = gcc
CXX = g++
OPT ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wconversion -Werror
PREFIX ?= /usr/local

PKG_CONFIG ?= pkg-config
PACKAGES = glib-2.0 gio-2.0 gio-unix-2.0 yaml-0.1 libvirt libvirt-qemu libpci hiredis libgit2 jansson libxml-2.0 libpng zlib libisofs-1 libcurl libarchive libtiff-4 libjpeg OpenEXR libsystemd
# Asked once; empty where pkg-config is not installed yet.
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -linotifytools -lpthread -lstdc++ -lm

# Libraries' headers are system headers: their warnings are not ours.
CPPFLAGS += -D_GNU_SOURCE -DCLEAVE_VERSION='"$(VERSION)"' -Icontroller $(patsubst -I%,-isystem %,$(PKG_CFLAGS))
CFLAGS += -std=gnu17 $(WARN) $(OPT) $(SAN)
LDFLAGS += $(SAN)
Q = $(if $(V),,@)

# -- what is built -------------------------------------------------------------------------------
src = $(foreach folder,$(1),$(sort $(wildcard controller/$(folder)/*.c controller/$(folder)/*.cc)))
obj = $(patsubst %.cc,$(B)/%.o,$(patsubst %.c,$(B)/%.o,$(1)))

# The pure core links GLib and libyaml alone; plan tests link nothing else (style: layers).
PURE = base spec plan
HANDS = domain source host frames queue state observe apply report commands worker
PURE_OBJ := $(call obj,$(call src,$(PURE)))
HANDS_SRC := $(filter-out controller/worker/main.c,$(call src,$(HANDS)))
# Nothing refers to resources by name, so an archive would leave them out: they are linked as they are.
RESOURCES = $(B)/gen/queue_resources.o $(B)/gen/worker_resources.o
HANDS_OBJ := $(call obj,$(HANDS_SRC) $(wildcard controller/reconcile*.c))

all: $(B)/cleave $(B)/cleave-worker ## Build cleave and cleave-worker (default)

$(B)/cleave: $(B)/controller/main.o $(RESOURCES) $(B)/gen/init_resources.o $(B)/libhands.a $(B)/libpure.a
$(B)/cleave-worker: $(B)/controller/worker/main.o $(RESOURCES) $(B)/libhands.a $(B)/libpure.a
$(B)/cleave $(B)/cleave-worker:
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libpure.a: $(PURE_OBJ)
$(B)/libhands.a: $(HANDS_OBJ)
$(B)/lib%.a:
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  cc  $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# OpenEXR is C++; the one file that speaks it offers C to the others.
# (vptr, of UBSan, would need the C++ runtime of the sanitizer in programs that are linked as C.)
CXXFLAGS = -std=gnu++17 -Wall -Wextra -Wshadow -Werror $(OPT) $(SAN) -fno-sanitize=vptr
$(B)/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  cxx $<"
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

# Lua functions and Blender's loop travel inside the programs (GResource registers itself at start).
$(B)/gen/%_resources.c: controller/%/*.gresource.xml
	@mkdir -p $(@D)
	$(Q)glib-compile-resources --sourcedir=controller/$* --generate-source --target=$@ $<
$(B)/gen/queue_resources.c: $(wildcard controller/queue/*.xml controller/queue/lua/*)
$(B)/gen/worker_resources.c: $(wildcard controller/worker/*.xml controller/worker/*.py)
# What `cleave init` writes stands where it is at home: specs/, contrib/.
INIT_FILES := $(wildcard controller/commands/init/* specs/*.yaml contrib/ci/* contrib/git/*)
$(B)/gen/init_resources.c: controller/commands/init.gresource.xml $(INIT_FILES)
	@mkdir -p $(@D)
	$(Q)glib-compile-resources --sourcedir=. --sourcedir=controller/commands --generate-source --target=$@ $<
$(B)/gen/%.o: $(B)/gen/%.c
	@echo "  cc  $<"
	$(Q)$(CC) $(patsubst -I%,-isystem %,$(PKG_CFLAGS)) -std=gnu17 $(OPT) $(SAN) -w -c -o $@ $<

DEPENDENCIES := $(shell [ -d $(B) ] && find $(B) -path $(B)/cloud -prune -o -type f -name '*.d' -print)
-include $(DEPENDENCIES)

# -- targets for people ----------------------------------------------------------------------------
.PHONY: all deps demo test lab cloud chaos soak lint docs asan bench fuzz bundle install deb clean help

deps: ## Install the Debian packages that are missing (starts no service)
	@contrib/deps/install

demo: deps ## Set up and show the whole chain: git push to verified frames (KEEP=1 leaves it up)
	@$(MAKE) --no-print-directory all
	@examples/demo/run $(if $(KEEP),--keep)

test: deps ## Unit tests, plan cases, and the chain end to end
	@$(MAKE) --no-print-directory all tests
	@tests/run $(B)

lab: deps ## Real kernels with emulated cards: bind, split, drift, crashes (SUITES="cards drift": only those)
	@$(MAKE) --no-print-directory all $(B)/tests/tools/verbs
	@tests/lab/setup $(B)
	@tests/run --lab $(B) $(SUITES)

cloud: deps ## A Debian image with cloud-init, booted twice: what its guest is told, its disk, its roots, its worker
	@$(MAKE) --no-print-directory all bundle
	@BUILD=$(B) tests/cloud/run

chaos: deps ## A render farm of real parts under random faults (ROUNDS=200, SEED=N gives the same rounds again)
	@$(MAKE) --no-print-directory all
	@tests/chaos/run --build $(B) --rounds $(or $(ROUNDS),200) $(if $(SEED),--seed $(SEED))

soak: deps ## The same for long (MINUTES=30): random commits, hand edits and kills; comes to rest again and again, with flat memory
	@$(MAKE) --no-print-directory all
	@BUILD=$(B) tests/soak/run --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

lint: deps ## Layers, static checks, shell scripts
	@tests/lint

docs: all ## Write the reference and the JSON Schemas in specs/ from the tables
	@$(B)/cleave docs specs
	@$(B)/cleave-worker --reference >specs/worker.md

asan: deps ## The tests again under AddressSanitizer and UndefinedBehaviorSanitizer (UNIT_ONLY=1: the pure parts)
	@$(MAKE) --no-print-directory B=build/asan OPT="-O1 -g -fno-omit-frame-pointer" \
		SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined" $(if $(UNIT_ONLY),pure-tests,all tests)
	@tests/run --sanitized $(if $(UNIT_ONLY),--pure) build/asan

bench: deps ## What reading a large farm costs, each figure beside its limit, as JSON lines
	@$(MAKE) --no-print-directory bench-programs
	@tests/bench/run $(B)

fuzz: deps ## Look for inputs that break a reader (FUZZ=spec for one, FUZZ_SECONDS=120 each, FUZZ_MERGE=1 keeps what was found)
	@$(MAKE) --no-print-directory B=build/fuzz CC=clang CXX=clang++ WARN= OPT="-O1 -g -fno-omit-frame-pointer" \
		SAN="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
		FUZZ_DRIVER= FUZZ_LDFLAGS=-fsanitize=fuzzer $(if $(FUZZ),$(FUZZ:%=build/fuzz/tests/fuzz/%),fuzz-programs)
	@tests/fuzz/run build/fuzz $(FUZZ)

bundle: $(B)/lib/worker.tar.xz ## cleave-worker with its own loader and libraries, for any Linux: an archive in build/
$(B)/lib/worker.tar.xz: $(B)/cleave-worker $(wildcard contrib/guest/*)
	@contrib/guest/make-bundle $(B) $(VERSION)

deb: all bundle ## Debian packages of the controller and of the worker, in build/
	@contrib/deb/make-deb $(B) $(VERSION)

install: all bundle ## Install the programs and systemd's units below PREFIX (enables and starts nothing)
	install -Dm755 -t $(DESTDIR)$(PREFIX)/bin $(B)/cleave $(B)/cleave-worker
	install -Dm644 -t $(DESTDIR)$(PREFIX)/lib/cleave $(B)/lib/worker.tar.xz $(B)/lib/worker.tar.xz.version
	install -Dm755 -t $(DESTDIR)$(PREFIX)/lib/cleave $(B)/lib/install
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in $(notdir $(wildcard contrib/systemd/*.service)); do \
		sed 's|@PREFIX@|$(PREFIX)|' contrib/systemd/$$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit 1; done
	for file in bash:bash-completion/completions/cleave zsh:zsh/site-functions/_cleave fish:fish/vendor_completions.d/cleave.fish; do \
		$(B)/cleave completion $${file%%:*} >$(B)/gen/completion && \
		install -Dm644 $(B)/gen/completion $(DESTDIR)$(PREFIX)/share/$${file#*:} || exit 1; done

clean: ## Remove what was built
	rm -rf $(B)

help: ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12

# -- tests -----------------------------------------------------------------------------------------
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(filter-out %_fixture.c,$(wildcard tests/unit/*.c)))
PURE_UNIT := $(filter $(B)/tests/unit/base_% $(B)/tests/unit/spec_% $(B)/tests/unit/plan_%,$(UNIT))
FIXTURES := $(call obj,$(wildcard tests/unit/*_fixture.c tests/unit/*_fixture.cc))
PURE_FIXTURES := $(call obj,$(wildcard tests/unit/plan_*fixture.c))
PROGRAMS := $(B)/tests/e2e/queue_worker $(B)/tests/e2e/fetch $(B)/tests/tools/verbs $(B)/tests/tools/sim_kernel $(B)/tests/schema/cases
# Fuzz targets: with a driver that runs them over their corpus, or (make fuzz) with libFuzzer.
FUZZ_DRIVER = $(B)/tests/fuzz/driver.o
TARGETS := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(filter-out %/driver.c,$(wildcard tests/fuzz/*.c)))
PURE_TARGETS := $(filter $(addprefix $(B)/tests/fuzz/,spec spec_files status frames units forms),$(TARGETS))
.PHONY: tests pure-tests fuzz-programs
tests: $(UNIT) $(PROGRAMS) $(TARGETS)
# What needs neither Redis nor libvirt nor Blender.
pure-tests: $(PURE_UNIT) $(filter $(B)/tests/unit/frames_%,$(UNIT)) $(TARGETS)
fuzz-programs: $(TARGETS)
.SECONDARY:

BENCH_SHARED := tests/bench/bench.c tests/bench/farm.c
BENCHES := $(patsubst %.c,$(B)/%,$(filter-out $(BENCH_SHARED),$(wildcard tests/bench/*.c)))
.PHONY: bench-programs
bench-programs: $(BENCHES) all
$(BENCHES): $(B)/tests/bench/%: $(B)/tests/bench/%.o $(call obj,$(BENCH_SHARED)) $(RESOURCES) $(B)/libhands.a $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(PURE_UNIT): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(PURE_FIXTURES) $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs glib-2.0 yaml-0.1 cmocka)
$(filter-out $(PURE_UNIT),$(UNIT)): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(FIXTURES) $(RESOURCES) $(B)/libhands.a $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $$($(PKG_CONFIG) --libs cmocka)
# NVML as the tests have it; the helper finds it by its name.
$(B)/tests/unit/host_nvml $(B)/tests/unit/apply_set_mig $(B)/tests/unit/worker_gpus $(B)/tests/e2e/queue_worker: | $(B)/tests/tools/libnvidia-ml.so.1
$(B)/tests/tools/libnvidia-ml.so.1: tests/tools/fake_nvml.c
	@mkdir -p $(@D)
	@echo "  so  $@"
	$(Q)$(CC) $(CPPFLAGS) -std=gnu17 $(WARN) $(OPT) -fPIC -shared -fvisibility=hidden -o $@ $< $$($(PKG_CONFIG) --libs glib-2.0)
$(PURE_TARGETS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(FUZZ_DRIVER) $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) $(FUZZ_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs glib-2.0 yaml-0.1)
$(filter-out $(PURE_TARGETS),$(TARGETS)): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(FUZZ_DRIVER) $(RESOURCES) $(B)/libhands.a $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) $(FUZZ_LDFLAGS) -o $@ $^ $(PKG_LIBS)
# Programs that the end-to-end tests start.
$(B)/tests/tools/verbs: $(B)/tests/tools/verbs.o $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs glib-2.0)
$(B)/tests/tools/sim_kernel: $(B)/tests/tools/sim_kernel.o $(RESOURCES) $(B)/libhands.a $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(B)/tests/unit/apply_devices: | $(B)/tests/tools/sim_kernel
$(B)/tests/unit/apply_%.o: CPPFLAGS += -Itests
$(B)/tests/schema/cases: $(B)/tests/schema/cases.o $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs glib-2.0 yaml-0.1)
$(B)/tests/e2e/queue_worker.o $(B)/tests/e2e/fetch.o: CPPFLAGS += -Itests/unit
$(B)/tests/e2e/queue_worker $(B)/tests/e2e/fetch: %: %.o $(FIXTURES) $(RESOURCES) $(B)/libhands.a $(B)/libpure.a
	@echo "  ld  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) $$($(PKG_CONFIG) --libs cmocka)
