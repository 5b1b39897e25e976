# The envelope every step runs in. Functions only: what calls them, and every value, is put around this text by `script`.
# Read `mod.rs` first: it has the table of the markers. POSIX sh, Linux /proc, setsid(1), flock(1).

# A line of its own, whatever a login shell left unfinished before it.
rw_answer() {
	printf '\nringway: %s\n' "$*"
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

# Asks for the gate, whether the host is this database's, and whether this decider is the latest that the host has seen.
# Ends with the gate held.
rw_enter() {
	flock 9 || rw_cannot "use flock in $RW_ROOT"
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
	[ "$RW_EPOCH" = "$rw_seen" ] || rw_put "$rw_epochs" "$RW_EPOCH" || rw_cannot "write $rw_epochs"
	[ "$RW_INCARNATION" = "$rw_database" ] || rw_put "$RW_ROOT/owner" "$RW_FLEET $RW_INCARNATION" ||
		rw_cannot "write $RW_ROOT/owner"
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

# What every verb needs that looks below the root.
rw_below() {
	exec 2>&1
	case $RW_ROOT in /*) ;; *) RW_ROOT=$PWD/$RW_ROOT ;; esac
	RW_RUNS=$RW_ROOT/runs/$RW_INCARNATION
	rw_mask=$(umask)
	umask 077
	[ -r /proc/self/stat ] || rw_cannot "read /proc"
	read -r rw_boot </proc/sys/kernel/random/boot_id || rw_cannot "read the kernel's boot id"
	rw_self
}

rw_prepare() {
	rw_below
	RW_RUN=$RW_RUNS/$RW_INTENT
	rw_setsid=$(command -v setsid) || rw_cannot "find setsid"
	command -v flock >/dev/null || rw_cannot "find flock"
	mkdir -p "$RW_RUNS" "$RW_ROOT/epochs" || rw_cannot "make $RW_RUNS"
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
	[ -z "$RW_DURABLE" ] || sync "$RW_RUN/fate" "$RW_RUN" "$RW_RUNS" 2>/dev/null
	umask "$rw_mask"
	trap - HUP PIPE
	[ "$RW_DIRECTORY" = . ] || cd "$RW_DIRECTORY" || exit 126
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

# rw_tell HOW CODE: how it is over, and the end of what it printed. Both files are opened before they are measured: they
# may still be taking turns, where a service that the step left behind goes on printing.
rw_tell() {
	rw_dropped=0 rw_older=/dev/null rw_newer=/dev/null
	[ ! -e "$RW_RUN/output" ] || rw_newer=$RW_RUN/output
	[ ! -e "$RW_RUN/output.older" ] || rw_older=$RW_RUN/output.older
	[ ! -e "$RW_RUN/dropped" ] || read -r rw_dropped <"$RW_RUN/dropped"
	if [ -s "$rw_newer" ] || [ -s "$rw_older" ]; then
		{
			rw_size=$(wc -c </proc/self/fd/4)
			rw_before=$(wc -c </proc/self/fd/5)
			rw_size=$((rw_size)) rw_before=$((rw_before))
			rw_length=$((rw_size + rw_before))
			[ "$rw_length" -le "$RW_LIMIT" ] || rw_length=$RW_LIMIT
			rw_answer "$1 $2 $((rw_dropped + rw_size + rw_before - rw_length)) $rw_length"
			{ cat <&5 && head -c "$rw_size" <&4; } | tail -c "$rw_length"
		} 4<"$rw_newer" 5<"$rw_older"
	else
		rw_answer "$1 $2 $rw_dropped 0"
	fi
}

rw_start() {
	trap '' HUP PIPE
	rw_prepare
	rw_take
	rw_answer accepted
	# From here on the connection is the envelope's alone: nothing it leaves behind may hold it.
	exec 3>&1 >/dev/null 2>&1
	[ -n "$RW_FOLLOW" ] || exec 3>&-
	rw_reader <"$RW_RUN/pipe" 3>&- &
	rw_reads=$!
	rw_watchdog 3>&- &
	rw_dog=$!
	(rw_step) </dev/null >"$RW_RUN/pipe" 2>&1 3>&-
	rw_code=$?
	rw_how=ended
	if [ -e "$RW_RUN/late" ]; then
		rw_how=late
		rw_await_kill
	else
		kill "$rw_dog" 2>/dev/null
	fi
	rw_drain "$rw_reads" 3>&-
	rm -f "$RW_RUN/pipe"
	read -r rw_word rw_rest <"$RW_RUN/fate"
	[ "$rw_word" != begun ] || rw_put "$RW_RUN/result" "$rw_how $rw_code"
	[ -n "$RW_FOLLOW" ] || exit 0
	exec >&3 3>&-
	if [ "$rw_word" = begun ]; then
		rw_tell "$rw_how" "$rw_code"
	else
		rw_answer never
	fi
}

# Whether an orphan's time is over: its age by the kernel's own clock, which counts in hundredths on every Linux.
rw_overdue() {
	read -r rw_limit <"$RW_RUN/timeout" || rw_limit=0
	read -r rw_up rw_rest </proc/uptime
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

# Waits for the end of what has begun.
rw_follow() {
	for rw_pause in 0.05 0.1 0.2 0.5 1; do
		while :; do
			# Asked before the result: an envelope that is seen dead has written all it ever will.
			rw_supervisor=0 rw_since= rw_supervised=
			[ ! -e "$RW_RUN/supervisor" ] || read -r rw_supervisor rw_since <"$RW_RUN/supervisor"
			rw_alive "$rw_supervisor" "$rw_since" && rw_supervised=yes
			read -r rw_word rw_step rw_since <"$RW_RUN/fate"
			rw_stepping=
			rw_alive "$rw_step" "$rw_since" && rw_stepping=yes
			if [ -e "$RW_RUN/result" ]; then
				read -r rw_how rw_code <"$RW_RUN/result"
				rw_tell "$rw_how" "$rw_code"
				exit 0
			elif [ -z "$rw_supervised$rw_stepping" ]; then
				# The watchdog may outlive its envelope, and does its duty then.
				rw_how=interrupted rw_code=0
				[ ! -e "$RW_RUN/late" ] || rw_how=late rw_code=137
				rw_tell "$rw_how" "$rw_code"
				exit 0
			elif [ -z "$rw_supervised" ] && rw_overdue; then
				rw_end_orphan
			fi
			sleep "$rw_pause"
			[ "$rw_pause" = 1 ] || break
		done
	done
}

rw_attach() {
	rw_forbid
	[ "$rw_word" = begun ] || exit 0
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
	LC_ALL=C
	rw_answer ended 0 0 ${#rw_text}
	printf %s "$rw_text"
}

# Whether nothing of that run runs, or will.
rw_over() {
	[ ! -e "$RW_RUN/result" ] || return 0
	rw_supervisor=0 rw_since=
	[ ! -e "$RW_RUN/supervisor" ] || read -r rw_supervisor rw_since <"$RW_RUN/supervisor"
	rw_alive "$rw_supervisor" "$rw_since" && return 1
	[ -e "$RW_RUN/fate" ] || return 1
	read -r rw_word rw_step rw_since <"$RW_RUN/fate"
	[ "$rw_word" = never ] || ! rw_alive "$rw_step" "$rw_since"
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
		rw_over || continue
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
	rw_setsid=$(command -v setsid) || rw_cannot "find setsid"
	exec 2>/dev/null
	rw_ask | rw_keep
}
