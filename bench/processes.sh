# Processes: starting, watching and stopping servers. Sourced by run.sh.

ROOTS=() # processes started by launch and not yet stopped

# A pause that starts no process: reading from a pipe nobody writes to.
exec {NAP}<> <(:)
nap() { read -r -t "$1" -u "$NAP" || :; }

microseconds() { echo "${EPOCHREALTIME/[.,]/}"; }

# launch COMMAND...: starts a server process, in the background.
launch() {
	"${SERVER_PIN[@]}" "$@" >>"$WORK/servers.log" 2>&1 {NAP}<&- &
	ROOTS+=($!)
}

# process_table: "pid parent ticks-of-processor-time start" for every process;
# the time includes that of children that have been waited for, so that the sum
# over a tree does not fall when one of its processes ends.
process_table() {
	cat /proc/[0-9]*/stat 2>/dev/null | awk '{
		pid = $1
		sub(/^.*\) /, "")
		print pid, $2, $12 + $13 + $14 + $15, $20
	}'
}

# tree PIDS...: the lines of process_table for them and all their descendants.
tree() {
	process_table | awk -v roots="$*" '
		BEGIN { n = split(roots, r, " "); for (i = 1; i <= n; i++) in_tree[r[i]] = 1 }
		{ parent[$1] = $2; line[$1] = $0 }
		END {
			do {
				grown = 0
				for (pid in parent)
					if (!(pid in in_tree) && (parent[pid] in in_tree)) { in_tree[pid] = 1; grown = 1 }
			} while (grown)
			for (pid in line) if (pid in in_tree) print line[pid]
		}'
}

# processor_time PIDS...: microseconds used by the trees so far.
processor_time() {
	tree "$@" | awk -v hz="$(getconf CLK_TCK)" '{ sum += $3 } END { printf "%.0f\n", sum * 1000000 / hz }'
}

# pss PID: its proportional share of memory in KiB, nothing if it has ended.
pss() { awk '$1 == "Pss:" { print $2 }' "/proc/$1/smaps_rollup" 2>/dev/null; }

# free_port: a loopback port below the ephemeral ones that nobody listens on.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# answers PORT: whether GET /hello is answered with 200.
answers() {
	local status
	{ exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	printf 'GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3 2>/dev/null
	status=
	read -r -t 2 -u 3 status || :
	exec 3<&- 3>&-
	[[ $status == "HTTP/1.1 200 "* ]]
}

# await PORT: polls until the server answers; fails if one of its processes ends
# before, or after 20 seconds.
await() {
	local deadline=$(($(microseconds) + 20000000)) pid
	until answers "$1"; do
		for pid in "${ROOTS[@]}"; do
			kill -0 "$pid" 2>/dev/null || return 1
		done
		(($(microseconds) < deadline)) || return 1
		nap 0.001
	done
}

# stop PIDS...: TERM, and after 5 seconds KILL, for the trees below, by pid. A
# process counts as the one that was recorded only while its start time is the
# same.
stop() {
	local recorded pid start deadline=$(($(microseconds) + 5000000)) left
	(($#)) || return 0
	recorded=$(tree "$@" | awk '{ print $1, $4 }')
	kill -TERM "$@" 2>/dev/null
	while :; do
		left=$(process_table | awk -v recorded="$recorded" '
			BEGIN { n = split(recorded, r, /[ \n]/); for (i = 1; i < n; i += 2) start[r[i]] = r[i + 1] }
			($1 in start) && start[$1] == $4 { print $1 }')
		for pid in "$@"; do # what has ended is a zombie until it is waited for
			[[ -r /proc/$pid/stat && $(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null) == Z ]] && wait "$pid" 2>/dev/null
		done
		[[ -n $left ]] || break
		if (($(microseconds) > deadline)); then
			# shellcheck disable=SC2086 # a list
			kill -KILL $left 2>/dev/null
			deadline=$(($(microseconds) + 5000000))
		fi
		nap 0.02
	done
	for pid in "$@"; do wait "$pid" 2>/dev/null; done
	local kept=()
	for pid in "${ROOTS[@]}"; do
		[[ " $* " == *" $pid "* ]] || kept+=("$pid")
	done
	ROOTS=("${kept[@]}")
}
