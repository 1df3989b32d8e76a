# The commands of the project. Needs Python 3.11, make and a package index; the rest is set up.
# Settings are environment variables: PORT HALTLINE_HOME FEED REPLAY_SPEED DATABASE_URL REDIS_URL
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
BOOTSTRAP = @exec $(PYTHON) scripts/bootstrap.py

.PHONY: up test test-all check bench lock calendars drill-long screenshots smoke code manage \
	haltline
.DEFAULT_GOAL := up

up:           ## start the desk (Ctrl-C stops it)
	$(BOOTSTRAP) up
test:         ## every test; ARGS="tests/gateway -k fill" for some
	$(BOOTSTRAP) test $(ARGS)
test-all:     ## the long ones as well: every page in every state, half an hour of one page
	$(BOOTSTRAP) test-all $(ARGS)
check:        ## lint, types, import directions, migrations, deploy check
	$(BOOTSTRAP) check
bench:        ## measure; JSON under $HALTLINE_HOME/bench
	$(BOOTSTRAP) bench $(ARGS)
smoke:        ## start a desk in a fresh home, look at it, stop it
	$(BOOTSTRAP) smoke $(ARGS)
drill-long:   ## the long drills
	$(BOOTSTRAP) drill-long $(ARGS)
screenshots:  ## pictures for README.md
	$(BOOTSTRAP) screenshots $(ARGS)
lock:         ## compile requirements/*.in and package.json to locks
	$(BOOTSTRAP) lock
calendars:    ## compile the exchanges' hours anew (docs/operations.md)
	$(BOOTSTRAP) calendars
code:         ## current sign-in code: make code USER=mercy.okafor
	$(BOOTSTRAP) code "$(USER)"
manage:       ## a management command against the running desk: make manage ARGS="showmigrations"
	$(BOOTSTRAP) manage $(ARGS)
haltline:     ## stops by command line: make haltline ARGS="kill --scope firm"; or .venv/bin/haltline
	$(BOOTSTRAP) haltline $(ARGS)
