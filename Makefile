# Makefile for p2ptext
#
#   make, make install     build, and install into the server of PG_CONFIG
#   make installcheck      pg_regress against a running server
#   make demo [KEEP=1]     the main job on a throw-away cluster
#   make check [ONLY=name] every test, on throw-away clusters
#   make bench [ONLY=name] what it does per second, beside what could be
#   make fuzz, make lint   hostile input; style and warnings
#   make peers             beside the vendors' own libraries, from npm
#   make torture           kill -9 while sending, for TORTURE_MINUTES (10)
#
# The last seven work as the only command typed after a clone: they install
# what is missing, and so may not need PGXS before that has happened.

PG_CONFIG = pg_config
HARNESS = demo check bench fuzz lint torture peers

ifneq (,$(filter $(HARNESS),$(MAKECMDGOALS)))

export PG_CONFIG MAKE ONLY KEEP FUZZ_SECONDS TORTURE_MINUTES TORTURE_SEED
.NOTPARALLEL:
.PHONY: $(MAKECMDGOALS)

demo:
	test/install-packages
	test/with-cluster $(if $(KEEP),--keep )-- test/demo

check:
	test/install-packages --try fuzz kannel proxy clock
	test/check

bench:
	test/install-packages bench
	$(MAKE) test-programs
	test/with-cluster -- test/bench/run

fuzz:
	test/install-packages fuzz
	$(MAKE) text-tables
	test/fuzzers

lint:
	test/install-packages lint
	test/lint

peers:
	test/install-packages peers
	test/peers/run

torture:
	test/install-packages
	test/torture

$(filter-out $(HARNESS),$(MAKECMDGOALS)):
	$(MAKE) $@

else

#
# The extension
#
EXTENSION = p2ptext
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" p2ptext.control)
MODULE_big = p2ptext
PGFILEDESC = "p2ptext - peer-to-peer texting"

# Everything under src/ but the courier, which shares one file with us.
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/text/core/*.c) \
	$(filter-out src/courier/%,$(wildcard src/*/*.c)))) src/courier/wire.o

# The extension script is these files, in this order; none may be forgotten.
SQL_FILES = \
	src/p2ptext.sql \
	src/text/script.sql \
	src/text/sms.sql \
	src/text/phone.sql \
	src/text/name.sql \
	src/text/hours.sql \
	src/text/reply.sql \
	src/voter/layout.sql \
	src/voter/layout_data.sql \
	src/voter/match.sql \
	src/voter/source.sql \
	src/voter/adopt.sql \
	src/voter/check_source.sql \
	src/voter/sample.sql \
	src/voter/segment.sql \
	src/voter/import.sql \
	src/outbox/organisation.sql \
	src/voter/count.sql \
	src/outbox/gateway.sql \
	src/outbox/provider_code.sql \
	src/campaign/campaign.sql \
	src/campaign/rights.sql \
	src/campaign/step.sql \
	src/campaign/tree.sql \
	src/campaign/audience.sql \
	src/campaign/launch.sql \
	src/campaign/state_hours.sql \
	src/campaign/preflight.sql \
	src/campaign/followup.sql \
	src/campaign/estimate_time.sql \
	src/campaign/estimate.sql \
	src/conversation/result.sql \
	src/conversation/conversation.sql \
	src/conversation/event.sql \
	src/conversation/opt_out.sql \
	src/conversation/wrong_number.sql \
	src/conversation/survey.sql \
	src/campaign/history.sql \
	src/campaign/refresh.sql \
	src/conversation/contact.sql \
	src/conversation/deceased.sql \
	src/outbox/outbox.sql \
	src/conversation/auto_code.sql \
	src/conversation/team.sql \
	src/conversation/assignment.sql \
	src/conversation/next_text.sql \
	src/conversation/moderation.sql \
	src/outbox/pool.sql \
	src/outbox/limits.sql \
	src/outbox/home.sql \
	src/outbox/queue.sql \
	src/outbox/recheck.sql \
	src/outbox/reconcile.sql \
	src/conversation/canned.sql \
	src/conversation/reply.sql \
	src/conversation/tag.sql \
	src/conversation/inbox.sql \
	src/inbound/inbound.sql \
	src/inbound/receive.sql \
	src/conversation/attention.sql \
	src/report/report.sql \
	src/report/survey.sql \
	src/report/texters.sql \
	src/report/export.sql \
	src/report/feed.sql \
	src/worker/worker.sql \
	src/report/check.sql \
	src/report/metrics.sql \
	src/rows.sql \
	src/access.sql
UNLISTED = $(filter-out $(SQL_FILES),$(wildcard src/*.sql src/*/*.sql))
ifneq (,$(UNLISTED))
$(error SQL_FILES in the Makefile lacks $(UNLISTED))
endif
SQL_SCRIPT = $(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(SQL_SCRIPT)

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=$(EXTENSION)

TEXT_TABLES = $(patsubst %,src/text/core/%_tables.h,sms phone zone)

# The server's headers are not ours to warn about.  -Bsymbolic, since before
# PostgreSQL 16 every library's symbols are visible to every other.
PG_CPPFLAGS = -Isrc -isystem $(includedir_server)
PG_CFLAGS = -Wextra -Wno-unused-parameter
SHLIB_LINK = -lcrypto -Wl,-Bsymbolic

#
# The courier: plain C, hardened, no PostgreSQL in it
#
COURIER = p2ptext-courier
COURIER_OBJS = $(patsubst %.c,%.o,$(sort \
	$(wildcard src/courier/*.c src/courier/gateway/*.c))) src/text/core/sms.o
COURIER_PKGS = libcurl jansson libmicrohttpd libseccomp libcrypto
COURIER_CFLAGS = -std=c11 -D_GNU_SOURCE -Isrc -Isrc/courier -g -O2 \
	-Wall -Wextra -Wmissing-prototypes -Wformat=2 -fPIC \
	-fvisibility=hidden -fstack-protector-strong \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
COURIER_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed

#
# Programs for tests and benchmarks
#
UNIT_TESTS = $(patsubst test/unit/%.c,test/unit/bin/%,$(wildcard test/unit/*.c))
BENCH_PROGRAMS = $(patsubst %.c,%,$(wildcard test/bench/*.c))
TEST_GATEWAY = $(if $(wildcard test/gateway/*.c),test/gateway/gateway)
TEST_PROGRAMS = $(UNIT_TESTS) $(BENCH_PROGRAMS) $(TEST_GATEWAY)
TEST_PKGS = libcurl jansson libmicrohttpd libcrypto

BUILD_FLAGS = .build-flags
EXTRA_CLEAN = $(COURIER) $(COURIER_OBJS) $(BUILD_FLAGS) test/unit/bin \
	$(BENCH_PROGRAMS) test/gateway/gateway test/gateway/*.o test/fuzz/bin \
	test/peers/node_modules \
	$(TEXT_TABLES) src/*.d src/*/*.d src/*/*/*.d test/*/*.d

# No bitcode: it would need the very clang the server was built with.
override with_llvm := no

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq (,$(wildcard $(PGXS)))
$(error "$(PG_CONFIG)" names no server to build against: run test/install-packages, or say make PG_CONFIG=/path/to/pg_config)
endif
include $(PGXS)

all: $(COURIER)

install: install-courier
install-courier: $(COURIER)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_PROGRAM) -m 755 $(COURIER) '$(DESTDIR)$(pkglibdir)/'

uninstall: uninstall-courier
uninstall-courier:
	rm -f '$(DESTDIR)$(pkglibdir)/$(COURIER)'

$(SQL_SCRIPT): $(SQL_FILES) Makefile p2ptext.control
	{ printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit'; \
	  cat $(SQL_FILES); } >$@.tmp
	mv $@.tmp $@

src/%.o: src/%.c
	$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# The text room's tables are made from its CSV files.
src/text/core/%_tables.h: src/text/make_tables.pl $(wildcard src/text/data/*.csv)
	perl $< $* src/text/data >$@.tmp
	mv $@.tmp $@
$(filter src/text/core/%,$(OBJS)): | $(TEXT_TABLES)
.PHONY: text-tables
text-tables: $(TEXT_TABLES)

src/courier/%.o: src/courier/%.c
	$(CC) $(COURIER_CFLAGS) $(COPT) -MMD -MP -c -o $@ $<

$(COURIER): $(COURIER_OBJS)
	$(CC) $(COURIER_CFLAGS) $(COPT) $(COURIER_LDFLAGS) -o $@ $^ \
		$$(pkg-config --libs $(COURIER_PKGS))

.PHONY: test-programs
test-programs: $(TEST_PROGRAMS)

test/unit/bin/%: test/unit/%.c $(filter-out src/courier/main.o,$(COURIER_OBJS))
	$(MKDIR_P) $(@D)
	$(CC) $(COURIER_CFLAGS) $(COPT) -MMD -MP -MF test/unit/$*.d -o $@ \
		$(filter %.c %.o,$^) $$(pkg-config --libs $(COURIER_PKGS))

test/bench/%: test/bench/%.c
	$(CC) $(COURIER_CFLAGS) $(COPT) -MMD -MP -MF $@.d -o $@ $< \
		$$(pkg-config --libs $(TEST_PKGS))

test/gateway/%.o: test/gateway/%.c
	$(CC) $(COURIER_CFLAGS) $(COPT) -MMD -MP -c -o $@ $<

test/gateway/gateway: $(patsubst %.c,%.o,$(wildcard test/gateway/*.c))
	$(CC) $(COURIER_CFLAGS) $(COPT) -o $@ $(filter %.o,$^) -pthread \
		$$(pkg-config --libs $(TEST_PKGS))

# Another server, compiler or set of flags makes every object stale.
$(OBJS) $(COURIER_OBJS) $(TEST_PROGRAMS): $(BUILD_FLAGS)
$(BUILD_FLAGS): FORCE
	@echo '$(VERSION) $(CC) $(CPPFLAGS) $(CFLAGS) $(COURIER_CFLAGS)' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: FORCE

-include $(wildcard src/*.d src/*/*.d src/*/*/*.d test/*/*.d)

endif
