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

# rss PIDS...: KiB that the trees have in memory.
rss() {
	local pid sum=0 kib
	while read -r pid _; do
		kib=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status" 2>/dev/null)
		sum=$((sum + ${kib:-0}))
	done < <(tree "$@")
	echo "$sum"
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

# answers PORT SCHEME PATH: 0 if GET is answered with 200, 1 if there is no answer,
# 2 if there is another one, which is left in STATUS.
answers() {
	STATUS=
	if [[ $2 == *+unix ]]; then
		[[ -S $WORK/$1.sock ]] && "$BIN/bident" load --connections 1 --requests 1 --timeout 2s --expect-status 200 \
			--target "$3" "$2://$WORK/$1.sock" >/dev/null 2>&1
		return
	fi
	if [[ $2 == https ]]; then
		"$BIN/crowd" -probe -url "$2://127.0.0.1:$1$3" 2>/dev/null
		return
	fi
	{ exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$3" >&3 2>/dev/null
	read -r -t 2 -u 3 STATUS || :
	exec 3<&- 3>&-
	STATUS=${STATUS%$'\r'}
	[[ -n $STATUS ]] || return 1
	[[ $STATUS == "HTTP/1.1 200 "* ]] || return 2
}

# await PORT SCHEME PATH: polls until the server answers; fails if one of its
# processes ends before, after 20 seconds, and after 3 if all that it answers is
# something else.
await() {
	local began pid waited=20000000
	began=$(microseconds)
	until answers "$@"; do
		[[ -z $STATUS ]] || waited=3000000 # nginx may be there before its program
		for pid in "${ROOTS[@]}"; do
			kill -0 "$pid" 2>/dev/null || return 1
		done
		(($(microseconds) < began + waited)) || return 1
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
