# The envelope every step runs in. Functions only: what calls them, and every value, is put around this text by `script.rs`,
# which leaves out lines that are comments and the tabs before a line. Read `mod.rs` first: it has the table of the
# markers. POSIX sh, Linux /proc, setsid(1), flock(1), cp(1), mkfifo(1), dd(1), sleep(1).
#
# A process costs a host most of a millisecond and a builtin nothing, so that what happens at every step is done by
# builtins wherever that keeps the table true.

# A line of its own, whatever a login shell left unfinished before it.
rw_answer() {
	printf '\nringway: %s\n' "$*"
}

rw_cannot() {
	rw_answer cannot "$*"
	exit 0
}

# Something could not be written below the root: says what a program that tries it says of it.
rw_full() {
	rw_cannot "write below $RW_ROOT: $(cp /proc/version "$RW_ROOT/try" 2>&1; rm -f "$RW_ROOT/try")"
}

# rw_put FILE TEXT: the file is there whole, or not at all.
rw_put() {
	(umask 077 && printf '%s\n' "$2" >"$1.new") 2>/dev/null && mv -f "$1.new" "$1"
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

# rw_supervised RUN: its envelope is alive. What is not there whole was left by one that was killed while it wrote it.
rw_supervised() {
	{ read -r rw_supervisor rw_since rw_limit <"$1/supervisor"; } 2>/dev/null && rw_alive "$rw_supervisor" "$rw_since"
}

# rw_stepping RUN: its step is alive.
rw_stepping() {
	{ read -r rw_step rw_since <"$1/step"; } 2>/dev/null && rw_alive "$rw_step" "$rw_since"
}

# rw_result RUN: it has ended, and how.
rw_result() {
	{ read -r rw_how rw_code <"$1/result"; } 2>/dev/null
}

# rw_never RUN: its fate is decided, and it never begins. Any other fate is that it has begun.
rw_never() {
	rw_word=
	{ read -r rw_word <"$1/fate"; } 2>/dev/null
	[ "$rw_word" = never ]
}

# rw_forbids RUN: whether this, and nothing else before it, decided that the run never begins. The name of the text is
# this process's own, so that nobody can write into a file that is linked already.
rw_forbids() {
	[ ! -e "$1/fate" ] || return 1
	rw_fate=$1/.fate.$rw_pid.$rw_token
	printf 'never\n' 2>/dev/null >"$rw_fate" || return 1
	ln "$rw_fate" "$1/fate" 2>/dev/null
	rw_lost=$?
	rm -f "$rw_fate"
	return $rw_lost
}

# Takes the gate, and writes into it who has it. It is held for moments, but by a process that was stopped: not for ever
# then. By tries, for not every flock can wait for a while only.
rw_lock() {
	rw_tries_left=$RW_GATE
	until flock -n 9; do
		[ $? = 1 ] || rw_cannot "use flock in $RW_ROOT"
		rw_tries_left=$((rw_tries_left - 1))
		[ "$rw_tries_left" -gt 0 ] || return 1
		sleep 0.1
	done
	{ printf '%s\n' "$rw_pid $rw_token" >"$RW_ROOT/gate"; } 2>/dev/null
	return 0
}

# Who holds the gate, as far as it says so itself.
rw_gatekeeper() {
	rw_other= rw_since=
	{ read -r rw_other rw_since <"$RW_ROOT/gate"; } 2>/dev/null
	if [ -z "$rw_other" ] || ! rw_alive "$rw_other" "$rw_since"; then
		printf 'and nobody knows who does'
		return
	fi
	printf 'by process %s' "$rw_other"
	case ${rw_line##*) } in
	[Tt]*) printf ', which is stopped (`kill -CONT %s` lets it go on)' "$rw_other" ;;
	esac
}

# Asks for the gate, whether the host is this database's, and whether this decider is the latest that the host has seen.
# Ends with the gate held.
rw_enter() {
	rw_lock || rw_cannot "get past $RW_ROOT/gate: it is held all the time, $(rw_gatekeeper)"
	rw_check yes
}

# rw_check WRITES: without the gate nothing is written.
rw_check() {
	rw_fleet= rw_database=
	[ ! -e "$RW_ROOT/owner" ] || read -r rw_fleet rw_database <"$RW_ROOT/owner" || rw_cannot "read $RW_ROOT/owner"
	if [ "${rw_fleet:-$RW_FLEET}" != "$RW_FLEET" ]; then
		rw_answer foreign-fleet "$rw_fleet"
		exit 0
	fi
	case " $RW_INCARNATION $RW_ADOPTS " in
	*" ${rw_database:-$RW_INCARNATION} "*) ;;
	*)
		rw_answer foreign "$rw_database"
		exit 0
		;;
	esac
	rw_seen=0
	rw_epochs=$RW_ROOT/epochs/$RW_INCARNATION
	[ ! -e "$rw_epochs" ] || read -r rw_seen <"$rw_epochs" || rw_cannot "read $rw_epochs"
	if [ "$RW_EPOCH" -lt "$rw_seen" ]; then
		rw_answer fenced "$rw_seen"
		exit 0
	fi
	[ -n "$1" ] || return 0
	[ "$RW_EPOCH" = "$rw_seen" ] || rw_put "$rw_epochs" "$RW_EPOCH" || rw_full
	[ "$RW_INCARNATION" = "$rw_database" ] || rw_put "$RW_ROOT/owner" "$RW_FLEET $RW_INCARNATION" || rw_full
}

rw_leave() {
	flock -u 9
}

# rw_is_over RUN: it has ended, or is prevented here and now, or nothing of it runs any more. Only inside the gate. What is
# prevented is over even where its envelope was stopped and may wake: it begins nothing.
rw_is_over() {
	[ -d "$1" ] && ! rw_result "$1" && ! rw_never "$1" || return 0
	rw_supervised "$1" && return 1
	rw_forbids "$1" && return 0
	[ -e "$1/fate" ] || return 1
	! rw_stepping "$1"
}

# Whether the host's last step is over; of an errand, the last one for the same host. Only inside the gate, where the one
# who writes the holder may have been killed: then every run is asked.
rw_free() {
	[ -e "$RW_ROOT/$RW_HOLDER" ] || return 0
	if read -r rw_holder <"$RW_ROOT/$RW_HOLDER"; then
		rw_is_over "$RW_ROOT/runs/$rw_holder"
		return
	fi
	for rw_run in "$RW_ROOT"/runs/*/r*; do
		rw_holder=${rw_run#"$RW_ROOT/runs/"}
		[ "$rw_run" = "$RW_RUN" ] || rw_is_over "$rw_run" || return 1
	done
}

# What every verb needs that looks below the root.
rw_below() {
	exec 2>&1
	case $RW_ROOT in /*) ;; *) RW_ROOT=$PWD/$RW_ROOT ;; esac
	RW_RUNS=$RW_ROOT/runs/$RW_INCARNATION
	[ -r /proc/self/stat ] || rw_cannot "read /proc"
	read -r rw_boot </proc/sys/kernel/random/boot_id || rw_cannot "read the kernel's boot id"
	rw_self
}

# Sets `rw_setsid`, which must be found before the step's own PATH counts, and without a process.
rw_find_setsid() {
	rw_setsid=
	IFS=:
	for rw_directory in $PATH; do
		case $rw_directory in /*) [ ! -x "$rw_directory/setsid" ] || rw_setsid=$rw_directory/setsid ;; esac
	done
	unset IFS
	[ -n "$rw_setsid" ] || rw_cannot "find setsid"
}

rw_prepare() {
	rw_below
	# The envelope's own programs need not look for a language, which takes some of them longer than their work.
	rw_language=${LC_ALL-none}
	export LC_ALL=C
	RW_RUN=$RW_RUNS/$RW_INTENT
	for rw_tool in flock cp mkfifo dd; do
		command -v $rw_tool >/dev/null || rw_cannot "find $rw_tool"
	done
	rw_find_setsid
	[ -d "$RW_RUNS" ] && [ -d "$RW_ROOT/epochs" ] && [ -e "$RW_ROOT/gate" ] ||
		(umask 077 && mkdir -p "$RW_RUNS" "$RW_ROOT/epochs" && : >>"$RW_ROOT/gate") 2>/dev/null || rw_begin_root
	exec 9>>"$RW_ROOT/gate"
}

# It could not be made: says why.
rw_begin_root() {
	rw_cannot "make $RW_RUNS: $(mkdir -p "$RW_RUNS" "$RW_ROOT/epochs" 2>&1 && : 2>&1 >>"$RW_ROOT/gate")"
}

# Decides that the step never begins, unless it has begun. Where the gate cannot be had it does so all the same: it is the
# fate, made once, that decides, and whoever holds the gate may be the very step that must not begin any more.
rw_forbid() {
	rw_prepare
	if rw_lock; then rw_check yes; else rw_check ''; fi
	[ -d "$RW_RUN" ] || mkdir -m 700 "$RW_RUN" 2>/dev/null || [ -d "$RW_RUN" ] || rw_full
	rw_forbids "$RW_RUN" || [ -e "$RW_RUN/fate" ] || rw_full
	if rw_never "$RW_RUN"; then
		sync "$RW_RUN/fate" "$RW_RUN" "$RW_RUNS" 2>/dev/null
		rw_answer never
	else
		rw_answer begun
	fi
}

# Makes the run directory, by one process: a copy of one that is kept for this. Only inside the gate.
rw_make() {
	if [ ! -p "$RW_ROOT/template/pipe" ]; then
		rm -rf "$RW_ROOT/template" "$RW_ROOT/template.new" &&
			mkdir -m 700 "$RW_ROOT/template.new" && mkfifo -m 600 "$RW_ROOT/template.new/pipe" &&
			mv "$RW_ROOT/template.new" "$RW_ROOT/template" || return 1
	fi
	cp -R "$RW_ROOT/template" "$RW_RUN"
}

# Makes the run directory, and writes down all the step is made of.
rw_claim() {
	if [ -d "$RW_RUN" ]; then
		rw_answer exists
		exit 0
	fi
	{
		rw_make &&
			printf '%s\n' "$rw_pid $rw_token $RW_TIMEOUT" >"$RW_RUN/supervisor" &&
			printf '%s\n' "$RW_COMMAND" >"$RW_RUN/command" &&
			{ [ -z "$RW_NOTE" ] || printf '%s\n' "$RW_NOTE" >"$RW_RUN/note"; }
	} 2>/dev/null || rw_full
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
			printf '%s\n' "$RW_INCARNATION/$RW_INTENT" 2>/dev/null >"$RW_ROOT/$RW_HOLDER" || rw_full
			break
		fi
		rw_leave
		rw_tries=$((rw_tries - 1))
		if [ "$rw_tries" -lt 1 ]; then
			rw_forbids "$RW_RUN"
			rw_answer busy "$rw_holder"
			exit 0
		fi
		sleep 0.1
	done
	exec 9>&-
}

# Keeps the end of what comes in, in two files that take turns, and counts what it drops. Sixteen reads to a `dd`, so
# that a chatty step costs little and a flood is held back by the pipe; fewer than sixteen, and everything has come.
# When the step has ended it only swallows: a service the step left behind must not die of a closed pipe.
rw_reader() {
	# Not redirected where it is called: shells keep what a function's redirections replace.
	exec <&5 5<&- 3>&- 4>&-
	rw_dropped=0
	rw_older=0
	while [ ! -s "$RW_RUN/result" ]; do
		# A full disk must not stop the step: what cannot be kept is swallowed.
		rw_records=$(dd bs=4096 count=16 2>&1 >>"$RW_RUN/output") || break
		# Some say more than how many reads there were, whole and in part: `0+16 records in`.
		rw_records=${rw_records%% records in*}
		rw_records=${rw_records##*[!0-9+]}
		[ "$((${rw_records%+*} + ${rw_records#*+}))" = 16 ] || exit 0
		rw_size=$(wc -c <"$RW_RUN/output")
		if [ "$rw_size" -ge "$RW_LIMIT" ]; then
			rw_dropped=$((rw_dropped + rw_older))
			rw_older=$rw_size
			rw_put "$RW_RUN/dropped" "$rw_dropped"
			mv -f "$RW_RUN/output" "$RW_RUN/output.older"
			: >"$RW_RUN/output"
		fi
	done
	exec cat >/dev/null
}

# rw_kill SIGNAL: to the step's whole process group; to the step alone where it has no group of its own yet. Without
# the `--` of POSIX, which dash and busybox take for a process.
rw_kill() {
	kill -"$1" "-$rw_step" 2>/dev/null || kill -"$1" "$rw_step" 2>/dev/null
}

# rw_nap SECONDS: a sleep that a TERM ends together with this process, so that none is left behind. Until the sleep has
# begun `$!` is a process of the parent's. By KILL: a process that is just made, and no `sleep` yet, can lose a TERM.
rw_nap() {
	rw_parents=$!
	trap '[ "$!" = "$rw_parents" ] || kill -KILL $! 2>/dev/null; exit 0' TERM
	sleep "$1" &
	wait $!
}

# Ends the step when its time is over: TERM, a grace, KILL. It may outlive the rest of the envelope, and does this all
# the same.
rw_watchdog() {
	exec 3>&- 4>&- 5<&-
	rw_nap "$RW_TIMEOUT"
	rw_self
	rw_forbids "$RW_RUN" && exit 0
	! rw_never "$RW_RUN" && rw_stepping "$RW_RUN" || exit 0
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

# Becomes the step. Until there is a `fate` it has never begun; from then on it has. With `set -C` every shell makes a
# file by an open that fails where there is one already.
rw_step() {
	rw_self
	printf '%s\n' "$rw_pid $rw_token" 2>/dev/null >"$RW_RUN/step" || exit 125
	set -C
	{ true >"$RW_RUN/fate"; } 2>/dev/null || exit 125
	set +C
	[ -z "$RW_DURABLE" ] || sync "$RW_RUN/step" "$RW_RUN/fate" "$RW_RUN" "$RW_RUNS" 2>/dev/null
	if [ "$rw_language" = none ]; then unset LC_ALL; else LC_ALL=$rw_language; fi
	trap - HUP PIPE XFSZ
	[ "$RW_DIRECTORY" = . ] || cd "$RW_DIRECTORY" || exit 126
	rw_values
	exec "$rw_setsid" /bin/sh "$RW_RUN/command"
}

# Waits until everything printed is kept, which is a matter of moments: a few processes that do nothing give way to the
# reader, at a quarter of what a `sleep` costs. Not longer than a second, for a service that the step left behind may hold
# the pipe for ever. What has ended and was not waited for has no descriptors any more.
rw_drain() {
	rw_tries=55
	while [ -e "/proc/$1/fd/0" ] && [ "$rw_tries" -gt 0 ]; do
		if [ "$rw_tries" -gt 50 ]; then (:); else sleep 0.02; fi
		rw_tries=$((rw_tries - 1))
	done
}

# Waits until the watchdog has killed what was left. It may have been killed itself, so not for ever.
rw_await_kill() {
	rw_tries=$((RW_GRACE + 50))
	while [ ! -e "$RW_RUN/killed" ] && [ "$rw_tries" -gt 0 ]; do
		sleep 0.1
		rw_tries=$((rw_tries - 1))
	done
}

# Runs the step, and sets `rw_how` and `rw_code`. The reader's end of the pipe is open before there is a reader, so that
# nobody waits for another to open it, and nothing is lost of a step that ends before its reader has begun.
rw_run() {
	exec 4<>"$RW_RUN/pipe" 5<"$RW_RUN/pipe"
	rw_reader &
	rw_reads=$!
	rw_watchdog &
	rw_dog=$!
	exec 5<&-
	(rw_step) </dev/null >"$RW_RUN/pipe" 2>&1 3>&- 4>&-
	rw_code=$?
	exec 4>&-
	rw_how=ended
	if [ -e "$RW_RUN/late" ]; then
		rw_how=late
		rw_await_kill
	else
		kill "$rw_dog" 2>/dev/null
	fi
	rw_drain "$rw_reads"
}

# rw_tell HOW CODE: how it is over, and the end of what it printed.
rw_tell() {
	rw_dropped=0 rw_text=
	[ ! -e "$RW_RUN/dropped" ] || read -r rw_dropped <"$RW_RUN/dropped"
	if [ -s "$RW_RUN/output.older" ]; then
		rw_tell_long "$@"
		return
	fi
	[ ! -s "$RW_RUN/output" ] || rw_text=$(
		cat "$RW_RUN/output"
		echo .
	)
	rw_text=${rw_text%.}
	if [ "${#rw_text}" -gt "$RW_LIMIT" ]; then
		rw_tell_long "$@"
		return
	fi
	rw_answer "$1 $2 0 ${#rw_text}"
	printf %s "$rw_text"
}

# Both files are opened before they are measured: they may still be taking turns, where a service that the step left
# behind goes on printing.
rw_tell_long() {
	rw_older=/dev/null
	[ ! -e "$RW_RUN/output.older" ] || rw_older=$RW_RUN/output.older
	{
		rw_size=$(wc -c </proc/self/fd/4)
		rw_before=$(wc -c </proc/self/fd/5)
		rw_size=$((rw_size)) rw_before=$((rw_before))
		rw_length=$((rw_size + rw_before))
		[ "$rw_length" -le "$RW_LIMIT" ] || rw_length=$RW_LIMIT
		rw_answer "$1 $2 $((rw_dropped + rw_size + rw_before - rw_length)) $rw_length"
		{ cat <&5 && head -c "$rw_size" <&4; } | tail -c "$rw_length"
	} 4<"$RW_RUN/output" 5<"$rw_older"
}

rw_start() {
	trap '' HUP PIPE XFSZ
	rw_prepare
	rw_take
	rw_answer accepted
	# From here on the connection is the envelope's alone: nothing it leaves behind may hold it.
	exec 3>&1 >/dev/null 2>&1
	[ -n "$RW_FOLLOW" ] || exec 3>&-
	rw_run
	if [ -e "$RW_RUN/fate" ] && ! rw_never "$RW_RUN"; then
		printf '%s\n' "$rw_how $rw_code" >"$RW_RUN/result"
		[ -z "$RW_FOLLOW" ] || rw_tell "$rw_how" "$rw_code" >&3
	else
		# Somebody prevented it; or there was no room for its first file, and what has ended here cannot begin.
		[ -z "$RW_FOLLOW" ] || rw_answer never >&3
	fi
}

# Whether an orphan's time is over: its age by the kernel's own clock, which counts in hundredths on every Linux.
rw_overdue() {
	read -r rw_up rw_rest </proc/uptime
	rw_limit=${rw_limit:-0}
	[ "$((${rw_up%%.*} - ${rw_since##*.} / 100))" -gt "$((${rw_limit%%.*} + 1 + RW_GRACE / 10))" ]
}

# Ends a step whose time is over and whose envelope, which would have done it, was killed.
rw_end_orphan() {
	: >"$RW_RUN/late"
	rw_kill TERM
	rw_tries=$RW_GRACE
	while [ "$rw_tries" -gt 0 ] && rw_alive "$rw_step" "$rw_since"; do
		sleep 0.1
		rw_tries=$((rw_tries - 1))
	done
	rw_kill KILL
}

# Waits for the end of what has begun. Somebody else may tidy meanwhile: then whoever did that knows the end.
rw_follow() {
	for rw_pause in 0.05 0.1 0.2 0.5 1; do
		while :; do
			# Asked before the result: an envelope that is seen dead has written all it ever will.
			rw_envelope= rw_step= rw_limit=
			rw_supervised "$RW_RUN" && rw_envelope=yes
			if rw_stepping "$RW_RUN"; then
				if [ -z "$rw_envelope" ] && rw_overdue; then
					rw_end_orphan
				fi
			elif [ -z "$rw_envelope" ] && ! rw_result "$RW_RUN"; then
				# The watchdog may outlive its envelope, and does its duty then.
				rw_how=interrupted rw_code=0
				[ ! -e "$RW_RUN/late" ] || rw_how=late rw_code=137
				rw_tell "$rw_how" "$rw_code"
				exit 0
			fi
			if rw_result "$RW_RUN"; then
				rw_tell "$rw_how" "$rw_code"
				exit 0
			fi
			sleep "$rw_pause"
			[ "$rw_pause" = 1 ] || break
		done
	done
}

rw_attach() {
	rw_forbid
	! rw_never "$RW_RUN" || exit 0
	exec 9>&-
	rw_follow
}

rw_restarts() {
	rw_prepare
	rw_enter
	[ -d "$RW_RUN" ] || rw_cannot "find $RW_RUN"
	[ -z "$RW_SEEN" ] || printf '%s\n' "$RW_SEEN" >>"$RW_RUN/boots" || rw_cannot "write $RW_RUN/boots"
	rw_text=
	[ ! -e "$RW_RUN/result" ] || rw_text=$(($(date +%s) - $(date -r "$RW_RUN/result" +%s)))
	rw_text="$rw_text
$(cat "$RW_RUN/note" 2>/dev/null)
$(cat "$RW_RUN/boots" 2>/dev/null)
"
	rw_answer ended 0 0 ${#rw_text}
	printf %s "$rw_text"
}

# rw_gone RUN: nothing of it runs, or will.
rw_gone() {
	! rw_result "$1" || return 0
	rw_supervised "$1" && return 1
	[ -e "$1/fate" ] || return 1
	rw_never "$1" || ! rw_stepping "$1"
}

rw_tidy() {
	rw_below
	rw_removed=0 rw_place=0
	cd "$RW_RUNS" 2>/dev/null || {
		rw_answer tidied 0
		exit 0
	}
	rm -rf .removed-*
	rw_old=" $(find . ! -name . -prune -type d -mmin "+$RW_MINUTES" | tr '\n' ' ')"
	# The youngest first. Only the names of intents are looked at, which have nothing in them that means something here.
	for rw_intent in $(ls -t); do
		case $rw_intent in r[0-9]*-s[0-9]*-[0-9]*) ;; *) continue ;; esac
		case " $RW_OPEN " in *" $rw_intent "*) continue ;; esac
		RW_RUN=$RW_RUNS/$rw_intent
		rw_gone "$RW_RUN" || continue
		rw_place=$((rw_place + 1))
		case $rw_old in *" ./$rw_intent "*) ;; *) [ "$rw_place" -gt "$RW_AT_MOST" ] || continue ;; esac
		# Renamed first: a directory that is half removed must not be read as an interrupted run.
		mv "$rw_intent" ".removed-$rw_intent" && rm -rf ".removed-$rw_intent" || rw_cannot "remove $RW_RUN"
		rw_removed=$((rw_removed + 1))
	done
	rw_answer tidied "$rw_removed"
}

# Runs the question in a group of its own, which does not outlive it. What it prints is followed by how it is over.
rw_ask() {
	printf '%s\n' "$RW_COMMAND" | {
		exec 2>&1
		rw_values
		[ "$RW_DIRECTORY" = . ] || cd "$RW_DIRECTORY" || exit 126
		exec "$rw_setsid" /bin/sh
	} &
	rw_step=$!
	(
		rw_nap "$RW_TIMEOUT"
		trap 'exit 7' TERM
		rw_kill KILL
		exit 7
	) >/dev/null &
	rw_dog=$!
	# Not before: a subshell that is just made can lose a signal for which its parent has a trap.
	trap 'rw_kill KILL; kill "$rw_dog"; exit 0' HUP TERM
	wait "$rw_step"
	rw_code=$?
	kill "$rw_dog" 2>/dev/null
	wait "$rw_dog"
	case $? in
	7) rw_how=late ;;
	*) rw_how=ended ;;
	esac
	rw_kill KILL
	printf '\n%s' "$rw_how $rw_code"
}

# The end of what comes in, kept in memory: a question is asked of a full disk too.
rw_keep() {
	LC_ALL=C
	rw_dropped=0 rw_older= rw_newer=
	while
		rw_chunk=$(
			dd bs=4096 count=16 2>/dev/null
			echo .
		)
		rw_chunk=${rw_chunk%.}
		[ -n "$rw_chunk" ]
	do
		rw_newer=$rw_newer$rw_chunk
		if [ "${#rw_newer}" -ge "$RW_LIMIT" ]; then
			rw_dropped=$((rw_dropped + ${#rw_older}))
			rw_older=$rw_newer rw_newer=
		fi
	done
	rw_newer=$rw_older$rw_newer
	rw_end=${rw_newer##*"
"}
	rw_newer=${rw_newer%"
"*}
	rw_length=${#rw_newer}
	[ "$rw_length" -le "$RW_LIMIT" ] || rw_length=$RW_LIMIT
	rw_answer "$rw_end $((rw_dropped + ${#rw_newer} - rw_length)) $rw_length"
	if [ "$rw_length" = "${#rw_newer}" ]; then
		printf %s "$rw_newer"
	else
		printf %s "$rw_newer" | tail -c "$rw_length"
	fi
}

rw_question() {
	rw_find_setsid
	exec 2>/dev/null
	rw_ask | rw_keep
}
