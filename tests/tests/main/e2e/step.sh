# What every step of a fleet of the tests does, read in by commands that set KIND. It writes down its begin and its end,
# with the intent it was run for, into one ledger for the whole fleet: the order of its lines is the order of events.
#
# Files beside the host's version say what goes wrong: `hold-KIND` (waits until it is gone), `hang-KIND` (never ends;
# `stubborn`: not for TERM either), `fail-KIND` (fails so many times), `slow` (takes so many seconds).
home=hosts/$HOST
intent=${0%/command}
intent=${intent##*/}
note() {
	echo "$1 $(date +%s%3N) $HOST $KIND $intent" >>ledger
}

echo $$ >"$home/step"
note start
while [ -e "$home/hold-$KIND" ]; do
	sleep 0.02
done
if [ -e "$home/hang-$KIND" ]; then
	read -r how <"$home/hang-$KIND"
	[ "$how" != stubborn ] || trap '' TERM
	sleep 600 &
	echo $! >"$home/hung"
	wait
fi
if [ -e "$home/fail-$KIND" ]; then
	read -r left <"$home/fail-$KIND"
	if [ "$left" -gt 0 ]; then
		echo $((left - 1)) >"$home/fail-$KIND"
		note end
		exit 1
	fi
fi
[ ! -e "$home/slow" ] || sleep "$(cat "$home/slow")"
case $KIND in
inspect) cat "$home/version" ;;
precheck) test -w "$home" ;;
drain) : >"$home/drained" ;;
apply) echo "$BUILD" >"$home/version" ;;
rollback)
	echo "$PREVIOUS" >"$home/version"
	echo "${PROTECTION-nothing}" >"$home/taken-back-by"
	;;
protect) echo "$PROTECT_AS" | tee -a "$home/snapshots" ;;
unprotect)
	grep -vxF -e "$PROTECTION" "$home/snapshots" >"$home/left"
	mv "$home/left" "$home/snapshots"
	;;
reboot)
	if [ -e "$home/pid" ]; then
		kill "$(cat "$home/pid")" 2>/dev/null
		rm -f "$home/pid"
	fi
	# Where the whole host restarts, its service does not: it would be the test's to start it again.
	rm -f "$home/started"
	env -u RINGWAY_FARM -u RINGWAY_FARM_HOST setsid ./service "$home" "$ADDRESS" "$LABEL_PORT" </dev/null >>"$home/log" 2>&1 &
	if [ "${RINGWAY_FARM:+$RESTARTS}" = host ]; then
		while [ ! -e "$home/started" ]; do
			sleep 0.02
		done
		# Nothing comes to the ledger any more once the host goes down.
		note end
		exec "$RINGWAY_FARM/bin/reboot"
	fi
	;;
verify | care-verify) test "$(cat "$home/version")" = "$WANTED" ;;
undrain) rm -f "$home/drained" ;;
esac
status=$?
note end
exit $status
