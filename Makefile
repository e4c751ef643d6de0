# cdp: a customer data platform inside PostgreSQL
#
#   make demo        install what is missing, build, show cdp at work on a throw-away cluster
#   make test        the same set-up, then every test; ONLY="identity value" runs two rooms, see test/run
#   make             build        make install        install
#   make installcheck             test/sql and test/isolation on a running server with cdp installed
#   make test-long, make bench, make lint, make deps, make clean
#
# WERROR=1 makes compiler warnings errors; PG_CONFIG names another PostgreSQL's pg_config.

EXTENSION  = cdp
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" cdp.control)
MODULE_big = cdp
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
CDP_H_FILES = $(wildcard src/*.h src/*/*.h)

SQL_PARTS  := $(shell sed -e 's/\#.*//' sql/manifest)
DATA_built = sql/cdp--$(EXTVERSION).sql
EXTRA_CLEAN = sql/cdp--$(EXTVERSION).sql test/results tmp/build-flags tmp/lint

REGRESS       := $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS  = --inputdir=test --outputdir=test/results --load-extension=cdp --encoding=UTF8
ISOLATION     := $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=test/results --load-extension=cdp --encoding=UTF8

ICU_CFLAGS := $(shell pkg-config --cflags icu-uc icu-i18n 2>/dev/null)
ICU_LIBS   := $(shell pkg-config --libs icu-uc icu-i18n 2>/dev/null || echo -licui18n -licuuc -licudata)

PG_CPPFLAGS = -I$(srcdir)/src $(ICU_CFLAGS)
PG_CFLAGS   = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers $(if $(WERROR),-Werror)
# Our functions call each other, whatever another extension in the backend calls its own.
SHLIB_LINK  = $(ICU_LIBS) -lm -Wl,-Bsymbolic

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))

# These need no server headers: they install what is missing first.
SETUP_GOALS = demo test test-long bench lint deps
ifeq ($(PGXS),)
ifneq ($(filter-out $(SETUP_GOALS),$(or $(MAKECMDGOALS),all)),)
$(error pg_config or the server headers are missing: install postgresql-server-dev-15 and libicu-dev, or run 'make deps')
endif
else
include $(PGXS)
endif

sql/cdp--$(EXTVERSION).sql: sql/manifest $(SQL_PARTS) cdp.control
	cat $(SQL_PARTS) > $@.tmp && mv $@.tmp $@

# Objects depend on the flags that they were compiled with: a change of WERROR, of the compiler or
# of PostgreSQL compiles again.
BUILD_FLAGS = $(CC) $(PG_CFLAGS) $(PG_CPPFLAGS) $(PROFILE) $(COPT) $(VERSION) $(PGXS)
ifneq ($(shell cat tmp/build-flags 2>/dev/null),$(strip $(BUILD_FLAGS)))
tmp/build-flags: FORCE
endif
tmp/build-flags:
	@mkdir -p tmp && echo '$(strip $(BUILD_FLAGS))' > $@

$(OBJS): $(CDP_H_FILES) tmp/build-flags

deps:
	@test/lib/deps

demo: deps
	@test/demo/run

test:
	@test/lib/deps test
	@WERROR=1 test/run

test-long:
	@test/lib/deps test
	@WERROR=1 test/run --long

bench: deps
	@test/bench/run

lint:
	@test/lib/deps lint
	@test/lib/lint

.PHONY: deps demo test test-long bench lint FORCE
