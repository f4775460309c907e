# One Makefile, out of tree. It parses without pkg-config: `demo` and `test` install what is missing
# (contrib/deps) and re-enter make, so that a bare machine needs only git and make.

MAKEFLAGS += --no-builtin-rules
B ?= build
CC = gcc
WARN = -Wall -Wextra -Wshadow -Wconversion -Werror
OPT ?= -O2 -g
PACKAGES = glib-2.0 gio-2.0 yaml-0.1 libvirt libvirt-qemu libpci hiredis libgit2 jansson libxml-2.0 libpng zlib
PKG_CONFIG ?= pkg-config
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -linotifytools -lpthread
CPPFLAGS += -D_GNU_SOURCE -Icontroller -I$(B)/gen $(patsubst -I%,-isystem %,$(PKG_CFLAGS))
CFLAGS += -std=gnu17 $(WARN) $(OPT) $(SAN)
LDFLAGS += $(SAN)

.PHONY: all deps demo test lint asan docs bench clean help
.DEFAULT_GOAL := all

include controller/files.mk

all: $(B)/cleave $(B)/cleave-worker

# -- objects ------------------------------------------------------------------------------------
object = $(patsubst %.c,$(B)/%.o,$(1))

$(B)/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

QUIET_CC = $(if $(V),,@echo "  cc  $<";)
QUIET_LD = $(if $(V),,@echo "  ld  $@";)

-include $(shell [ -d $(B) ] && find $(B) -name '*.d')

clean:
	rm -rf $(B)
