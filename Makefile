# cdp: a customer data platform inside PostgreSQL
#
#   make demo        install what is missing, build, show it at work on a throw-away cluster
#   make test        the same set-up, then every test
#   make             build        make install        install
#   make installcheck, make bench, make lint, make clean

EXTENSION  = cdp
EXTVERSION    = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" cdp.control)
MODULE_big = cdp
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
CDP_H_FILES = $(wildcard src/*.h src/*/*.h)

SQL_PARTS  = $(shell sed -e 's/\#.*//' sql/manifest)
DATA_built = sql/cdp--$(EXTVERSION).sql
EXTRA_CLEAN = sql/cdp--$(EXTVERSION).sql test/results

REGRESS       = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS  = --inputdir=test --outputdir=test/results --load-extension=cdp --encoding=UTF8
ISOLATION     = $(patsubst test/isolation/specs/%.spec,%,$(sort $(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=test/results/isolation --load-extension=cdp --encoding=UTF8

ICU_CFLAGS := $(shell pkg-config --cflags icu-uc icu-i18n 2>/dev/null)
ICU_LIBS   := $(shell pkg-config --libs icu-uc icu-i18n 2>/dev/null || echo -licui18n -licuuc -licudata)

PG_CPPFLAGS = -I$(srcdir)/src $(ICU_CFLAGS)
PG_CFLAGS   = -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers $(if $(WERROR),-Werror)
SHLIB_LINK  = $(ICU_LIBS)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# Everything but these needs the server headers; these install them first.
SETUP_GOALS = demo test bench lint deps test-long
ifeq ($(PGXS),)
ifneq ($(filter-out $(SETUP_GOALS),$(or $(MAKECMDGOALS),all)),)
$(error pg_config not found: install postgresql-server-dev-15 and libicu-dev, or run 'make deps')
endif
else
include $(PGXS)
endif

sql/cdp--$(EXTVERSION).sql: sql/manifest $(SQL_PARTS) cdp.control
	cat $(SQL_PARTS) > $@.tmp && mv $@.tmp $@

$(OBJS): $(CDP_H_FILES)
