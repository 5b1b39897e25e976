# The envelope every step runs in. Functions only: what calls them, and every value, is put around this text by `script`.
# Read `mod.rs` first: it has the table of the markers. POSIX sh, Linux /proc, setsid(1), flock(1).

rw_answer() {
	printf 'ringway: %s\n' "$*"
}

rw_cannot() {
	rw_answer cannot "$*"
	exit 0
}

# rw_put FILE TEXT: the file is there whole, or not at all.
rw_put() {
	printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1"
}

# Who this very process is, subshells included (`$$` would be the parent's).
rw_self() {
	read -r rw_line </proc/self/stat
	rw_pid=${rw_line%% *}
	set -- ${rw_line##*) }
	rw_token=$rw_boot.${20}
}

# rw_alive PID TOKEN: that process, and no later one with its number, is still running.
rw_alive() {
	{ read -r rw_line <"/proc/$1/stat"; } 2>/dev/null || return 1
	rw_expected=$2
	set -- ${rw_line##*) }
	case $1 in Z | X) return 1 ;; esac
	[ "$rw_boot.${20}" = "$rw_expected" ]
}

# rw_decide DIRECTORY FATE...: whether this, and nothing else before it, is what became of that run. The name of the
# text is this process's own, so that nobody can write into a file that is linked already.
rw_decide() {
	rw_fate=$1/.fate.$rw_pid.$rw_token
	rw_of=$1
	shift
	printf '%s\n' "$*" >"$rw_fate" || return 1
	ln "$rw_fate" "$rw_of/fate" 2>/dev/null
	rw_lost=$?
	rm -f "$rw_fate"
	return $rw_lost
}

# Asks for the gate, and whether this decider is the latest that the host has seen. Ends with the gate held.
rw_enter() {
	flock 9 || rw_cannot "use flock in $RW_ROOT"
	rw_seen=0
	rw_epochs=$RW_ROOT/epochs/$RW_INCARNATION
	[ ! -e "$rw_epochs" ] || read -r rw_seen <"$rw_epochs" || rw_cannot "read $rw_epochs"
	if [ "$RW_EPOCH" -lt "$rw_seen" ]; then
		rw_answer fenced "$rw_seen"
		exit 0
	fi
	[ "$RW_EPOCH" = "$rw_seen" ] || rw_put "$rw_epochs" "$RW_EPOCH" || rw_cannot "write $rw_epochs"
}

rw_leave() {
	flock -u 9
}

# Whether the host's last step is over. Only called inside the gate.
rw_free() {
	[ -e "$RW_ROOT/holder" ] || return 0
	read -r rw_holder <"$RW_ROOT/holder"
	rw_run=$RW_ROOT/runs/$rw_holder
	[ -d "$rw_run" ] && [ ! -e "$rw_run/result" ] || return 0
	rw_supervisor=0 rw_since=
	[ ! -e "$rw_run/supervisor" ] || read -r rw_supervisor rw_since <"$rw_run/supervisor"
	rw_alive "$rw_supervisor" "$rw_since" && return 1
	rw_decide "$rw_run" never && return 0
	[ -e "$rw_run/fate" ] || return 1
	read -r rw_word rw_step rw_since <"$rw_run/fate"
	[ "$rw_word" = begun ] || return 0
	! rw_alive "$rw_step" "$rw_since"
}

rw_prepare() {
	exec 2>&1
	RW_RUNS=$RW_ROOT/runs/$RW_INCARNATION
	RW_RUN=$RW_RUNS/$RW_INTENT
	rw_mask=$(umask)
	umask 077
	[ -r /proc/self/stat ] || rw_cannot "read /proc"
	rw_setsid=$(command -v setsid) || rw_cannot "find setsid"
	command -v flock >/dev/null || rw_cannot "find flock"
	read -r rw_boot </proc/sys/kernel/random/boot_id || rw_cannot "read the kernel's boot id"
	mkdir -p "$RW_RUNS" "$RW_ROOT/epochs" || rw_cannot "make $RW_RUNS"
	rw_self
	exec 9>>"$RW_ROOT/gate"
}

# Decides that the step never begins, unless it has begun.
rw_forbid() {
	rw_prepare
	rw_enter
	mkdir "$RW_RUN" 2>/dev/null || [ -d "$RW_RUN" ] || rw_cannot "make $RW_RUN"
	rw_decide "$RW_RUN" never
	read -r rw_word rw_rest <"$RW_RUN/fate" || rw_cannot "decide in $RW_RUN"
	sync "$RW_RUN/fate" "$RW_RUN" "$RW_RUNS" 2>/dev/null
	rw_answer "$rw_word"
}

# Makes the run directory, and writes down all the step is made of.
rw_claim() {
	if ! mkdir "$RW_RUN" 2>/dev/null; then
		[ -d "$RW_RUN" ] || rw_cannot "make $RW_RUN"
		rw_answer exists
		exit 0
	fi
	rw_put "$RW_RUN/supervisor" "$rw_pid $rw_token" &&
		printf '%s\n' "$RW_COMMAND" >"$RW_RUN/command" &&
		printf '%s\n' "$RW_NOTE" >"$RW_RUN/note" &&
		printf '%s\n' "$RW_TIMEOUT" >"$RW_RUN/timeout" &&
		mkfifo "$RW_RUN/pipe" || rw_cannot "write to $RW_RUN"
}

# Waits for the step before this one, in the bounds of patience.
rw_take() {
	rw_tries=$RW_PATIENCE
	rw_claimed=
	while rw_enter; do
		[ -n "$rw_claimed" ] || rw_claim
		rw_claimed=yes
		if [ -e "$RW_RUN/fate" ]; then
			rw_answer never
			exit 0
		fi
		if rw_free; then
			rw_put "$RW_ROOT/holder" "$RW_INCARNATION/$RW_INTENT" || rw_cannot "write $RW_ROOT/holder"
			break
		fi
		rw_leave
		rw_tries=$((rw_tries - 1))
		if [ "$rw_tries" -lt 1 ]; then
			rw_decide "$RW_RUN" never
			rw_answer busy "$rw_holder"
			exit 0
		fi
		sleep 0.1
	done
	exec 9>&-
}

# Keeps the end of what comes in, in two files that take turns, and counts what it drops. Sixteen reads to a `dd`, so
# that a chatty step costs little and a flood is held back by the pipe. When the step has ended it only swallows: a
# service the step left behind must not die of a closed pipe.
rw_reader() {
	rw_dropped=0
	rw_older=0
	: >"$RW_RUN/output"
	while :; do
		if [ -e "$RW_RUN/result" ]; then
			exec cat >/dev/null
		fi
		rw_before=$(wc -c <"$RW_RUN/output")
		dd bs=4096 count=16 2>/dev/null >>"$RW_RUN/output"
		rw_size=$(wc -c <"$RW_RUN/output")
		[ "$rw_size" -gt "$rw_before" ] || break
		if [ "$rw_size" -ge "$RW_LIMIT" ]; then
			rw_dropped=$((rw_dropped + rw_older))
			rw_older=$rw_size
			rw_put "$RW_RUN/dropped" "$rw_dropped"
			mv -f "$RW_RUN/output" "$RW_RUN/output.older"
			: >"$RW_RUN/output"
		fi
	done
	# A full disk must not stop the step: what cannot be kept is swallowed.
	exec cat >/dev/null
}

# rw_kill SIGNAL: to the step's whole process group; to the step alone where it has no group of its own yet. Without
# the `--` of POSIX, which dash and busybox take for a process.
rw_kill() {
	kill -"$1" "-$rw_step" 2>/dev/null || kill -"$1" "$rw_step" 2>/dev/null
}

# rw_nap SECONDS: a sleep that a TERM ends together with this process, so that none is left behind. Until the sleep has
# begun `$!` is a process of the parent's.
rw_nap() {
	rw_parents=$!
	trap '[ "$!" = "$rw_parents" ] || kill $! 2>/dev/null; exit 0' TERM
	sleep "$1" &
	wait $!
}

# Ends the step when its time is over: TERM, a grace, KILL. It may outlive the rest of the envelope, and does this all
# the same.
rw_watchdog() {
	rw_nap "$RW_TIMEOUT"
	rw_self
	rw_decide "$RW_RUN" never && exit 0
	read -r rw_word rw_step rw_since <"$RW_RUN/fate"
	[ "$rw_word" = begun ] && rw_alive "$rw_step" "$rw_since" || exit 0
	: >"$RW_RUN/late"
	rw_kill TERM
	rw_tries=$RW_GRACE
	while [ "$rw_tries" -gt 0 ] && kill -0 "-$rw_step" 2>/dev/null; do
		sleep 0.1
		rw_tries=$((rw_tries - 1))
	done
	rw_kill KILL
	: >"$RW_RUN/killed"
}

# Becomes the step. Before the link the step has never begun; after it, it has.
rw_step() {
	rw_self
	rw_decide "$RW_RUN" begun "$rw_pid" "$rw_token" || exit 125
	sync "$RW_RUN/fate" "$RW_RUN" "$RW_RUNS" 2>/dev/null
	umask "$rw_mask"
	cd "$RW_DIRECTORY" || exit 126
	rw_values
	exec "$rw_setsid" /bin/sh "$RW_RUN/command"
}

# Waits until everything printed is kept; not for a service that the step left behind and that holds the pipe.
rw_drain() {
	trap : USR1
	(
		rw_nap 1
		kill -USR1 $$
	) &
	rw_alarm=$!
	wait "$1"
	# Not waited for: in its POSIX mode bash 5.2 waits for all its children after a wait that a signal ended.
	kill "$rw_alarm" 2>/dev/null
}

# Waits until the watchdog has killed what was left. It may have been killed itself, so not for ever.
rw_await_kill() {
	rw_tries=$((RW_GRACE + 50))
	while [ ! -e "$RW_RUN/killed" ] && [ "$rw_tries" -gt 0 ]; do
		sleep 0.1
		rw_tries=$((rw_tries - 1))
	done
}

rw_start() {
	rw_prepare
	rw_take
	rw_answer accepted
	exec >/dev/null 2>&1
	rw_reader <"$RW_RUN/pipe" &
	rw_reads=$!
	rw_watchdog &
	rw_dog=$!
	(rw_step) </dev/null >"$RW_RUN/pipe" 2>&1
	rw_code=$?
	rw_how=ended
	if [ -e "$RW_RUN/late" ]; then
		rw_how=late
		rw_await_kill
	else
		kill "$rw_dog" 2>/dev/null
	fi
	rw_drain "$rw_reads"
	rm -f "$RW_RUN/pipe"
	read -r rw_word rw_rest <"$RW_RUN/fate"
	[ "$rw_word" != begun ] || rw_put "$RW_RUN/result" "$rw_how $rw_code"
}
