# Turns the recorded facts (measure.sh) into tables or JSON. mawk and gawk.

# sorted fills list[1..n] with the numbers of a text, in order, and returns n.
function sorted(text, list, n, i, j, v) {
	n = split(text, list, " ")
	for (i = 2; i <= n; i++) {
		v = list[i] + 0
		for (j = i - 1; j > 0 && list[j] + 0 > v; j--) list[j + 1] = list[j]
		list[j + 1] = v
	}
	return n
}
function median(text, list, n) {
	n = sorted(text, list)
	if (n == 0) return 0
	return n % 2 ? list[(n + 1) / 2] + 0 : (list[n / 2] + list[n / 2 + 1]) / 2
}
function least(text, list) { sorted(text, list); return list[1] + 0 }
function greatest(text, list, n) { n = sorted(text, list); return list[n] + 0 }
function spread(text, form) {
	return sprintf(form " (" form ".." form ")", median(text), least(text), greatest(text))
}
# per_gib turns microseconds and octets per request into seconds per GiB.
function per_gib(cpu, size) { return ratio(cpu / 1000000, size / 1073741824) }
function ratio(a, b) { return b > 0 ? a / b : 0 }
function quoted(text) { gsub(/["\\]/, "\\\\&", text); return "\"" text "\"" }
function listed(text) { gsub(/^ +/, "", text); gsub(/ +/, ",", text); return "[" text "]" }

$1 == "round" {
	key = $2 FS $3 FS $4 FS $5 FS $6 FS $7
	if (!(key in rounds_of)) pair[++pairs] = key
	rounds_of[key]++
	rate_a[key] = rate_a[key] " " $9;  cpu_a[key] = cpu_a[key] " " $10; errors_a[key] += $11
	rate_b[key] = rate_b[key] " " $13; cpu_b[key] = cpu_b[key] " " $14; errors_b[key] += $15
	rates[key] = rates[key] " " sprintf("%.4f", ratio($9, $13))
	cpus[key] = cpus[key] " " sprintf("%.4f", ratio($10, $14))
	octets[key] = octets[key] " " $16
	gib_a[key] = gib_a[key] " " sprintf("%.4f", per_gib($10, $12))
	gib_b[key] = gib_b[key] " " sprintf("%.4f", per_gib($14, $16))
	gibs[key] = gibs[key] " " sprintf("%.4f", ratio(per_gib($10, $12), per_gib($14, $16)))
	if ($16 >= 1024) large++
}
$1 == "waits" {
	key = $2 FS $3 FS $4 FS $5 FS $6 FS $7
	if (!(key in waits_of)) wait[++waits] = key
	waits_of[key]++
	p99_a[key] = p99_a[key] " " $9;  longest_a[key] = longest_a[key] " " $10; starved_a[key] = starved_a[key] " " $11
	p99_b[key] = p99_b[key] " " $12; longest_b[key] = longest_b[key] " " $13; starved_b[key] = starved_b[key] " " $14
	p99s[key] = p99s[key] " " sprintf("%.4f", ratio($9, $12))
}
$1 == "idle" {
	key = $2 FS $3 FS $4 FS $5 FS $6
	if (!(key in idle_rounds)) idle[++idles] = key
	idle_rounds[key]++
	held_a[key] = held_a[key] " " $8;  idle_a[key] = idle_a[key] " " $9
	busy[key] = $10 > busy[key] + 0 ? $10 : busy[key] + 0
	held_b[key] = held_b[key] " " $11; idle_b[key] = idle_b[key] " " $12
	idle_ratios[key] = idle_ratios[key] " " sprintf("%.4f", ratio($9, $12))
}
$1 == "start" {
	key = $2 FS $3
	if (!(key in took)) start[++starts] = key
	took[key] = took[key] " " sprintf("%.3f", $5 / 1000)
}
$1 == "memory" { key = $2 FS $3; roots[key] = $4; children[key] = $5; kib[key] = $6 }
$1 == "even" { even[++evens] = $2 FS $3 FS $4 FS $5 }
$1 == "missing" { lost[++losses] = $0 }

function as_markdown(   i, f, k) {
	if (pairs) {
		print "\n| suite | A / B | load | A req/s | B req/s | A/B | goal | A CPU | B CPU | CPU A/B | errors A, B |"
		print "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"
	}
	for (i = 1; i <= pairs; i++) {
		k = pair[i]
		split(k, f, FS)
		printf "| %s | %s / %s | %s %s | %.0f | %.0f | %s | %s | %.1f | %.1f | %s | %d, %d |\n", f[1], f[2], f[3], f[4], f[5],
			median(rate_a[k]), median(rate_b[k]), spread(rates[k], "%.2f"), f[6],
			median(cpu_a[k]), median(cpu_b[k]), spread(cpus[k], "%.2f"), errors_a[k], errors_b[k]
	}
	if (large) {
		print "\n| suite | A / B | load | octets per answer | A CPU, s/GiB | B CPU, s/GiB | A/B |"
		print "|---|---|---|--:|--:|--:|--:|"
	}
	for (i = 1; i <= pairs; i++) {
		k = pair[i]
		if (median(octets[k]) < 1024) continue
		split(k, f, FS)
		printf "| %s | %s / %s | %s %s | %.0f | %.3f | %.3f | %s |\n", f[1], f[2], f[3], f[4], f[5],
			median(octets[k]), median(gib_a[k]), median(gib_b[k]), spread(gibs[k], "%.2f")
	}
	if (waits) {
		print "\n| suite | A / B | load | A p99, us | B p99, us | A/B | A longest wait, us | B longest wait, us | most starved A, B |"
		print "|---|---|---|--:|--:|--:|--:|--:|--:|"
	}
	for (i = 1; i <= waits; i++) {
		k = wait[i]
		split(k, f, FS)
		printf "| %s | %s / %s | %s %s | %.0f | %.0f | %s | %s | %s | %d, %d |\n", f[1], f[2], f[3], f[4], f[5],
			median(p99_a[k]), median(p99_b[k]), spread(p99s[k], "%.2f"), spread(longest_a[k], "%.0f"), spread(longest_b[k], "%.0f"),
			greatest(starved_a[k]), greatest(starved_b[k])
	}
	if (idles) {
		print "\n| suite | A / B | idle connections A, B | A octets each | B octets each | A/B | goal, at most | busy lanes |"
		print "|---|---|--:|--:|--:|--:|--:|--:|"
	}
	for (i = 1; i <= idles; i++) {
		k = idle[i]
		split(k, f, FS)
		printf "| %s | %s / %s | %d, %d | %.0f | %.0f | %s | %s | %d |\n", f[1], f[2], f[3], least(held_a[k]), least(held_b[k]),
			median(idle_a[k]), median(idle_b[k]), spread(idle_ratios[k], "%.2f"), f[5], busy[k]
	}
	if (starts) {
		print "\n| suite | server | start to ready, ms | first process, KiB PSS | children | KiB PSS per child |"
		print "|---|---|--:|--:|--:|--:|"
	}
	for (i = 1; i <= starts; i++) {
		k = start[i]
		split(k, f, FS)
		printf "| %s | %s | %s | %d | %d | %s |\n", f[1], f[2], spread(took[k], "%.1f"), roots[k], children[k],
			(children[k] ? sprintf("%.0f", kib[k] / children[k]) : "-")
	}
	if (evens) {
		print "\n| suite | server | load | requests of children, greatest / least |"
		print "|---|---|---|--:|"
	}
	for (i = 1; i <= evens; i++) {
		split(even[i], f, FS)
		printf "| %s | %s | %s | %s |\n", f[1], f[2], f[3], f[4]
	}
	if (losses) print "\nNot measured:\n"
	for (i = 1; i <= losses; i++) {
		split(lost[i], f, FS)
		printf "* %s: %s: %s\n", f[2], f[3], f[4]
	}
}

function as_json(   i, f, k) {
	printf "{\"cores\":%d,\"threads\":%d,\"rounds\":%d,\"seconds\":%d,\"kernel\":%s,\"go\":%s,\"pairs\":[", cores, threads, rounds, seconds, quoted(kernel), quoted(go)
	for (i = 1; i <= pairs; i++) {
		k = pair[i]
		split(k, f, FS)
		printf "%s\n{\"suite\":%s,\"a\":%s,\"b\":%s,\"connections\":%d,\"load\":%s,\"goal\":%s", (i > 1 ? "," : ""),
			quoted(f[1]), quoted(f[2]), quoted(f[3]), f[4], quoted(f[5]), (f[6] == "-" ? "null" : f[6])
		printf ",\"rate_ratio\":%.4f,\"rate_ratio_min\":%.4f,\"rate_ratio_max\":%.4f", median(rates[k]), least(rates[k]), greatest(rates[k])
		printf ",\"cpu_ratio\":%.4f,\"cpu_ratio_min\":%.4f,\"cpu_ratio_max\":%.4f", median(cpus[k]), least(cpus[k]), greatest(cpus[k])
		printf ",\"a_rate\":%s,\"b_rate\":%s,\"a_cpu_us\":%s,\"b_cpu_us\":%s,\"a_errors\":%d,\"b_errors\":%d",
			listed(rate_a[k]), listed(rate_b[k]), listed(cpu_a[k]), listed(cpu_b[k]), errors_a[k], errors_b[k]
		printf ",\"octets\":%.0f,\"a_cpu_s_per_gib\":%.4f,\"b_cpu_s_per_gib\":%.4f,\"cpu_per_gib_ratio\":%.4f}",
			median(octets[k]), median(gib_a[k]), median(gib_b[k]), median(gibs[k])
	}
	printf "],\"waits\":["
	for (i = 1; i <= waits; i++) {
		k = wait[i]
		split(k, f, FS)
		printf "%s\n{\"suite\":%s,\"a\":%s,\"b\":%s,\"connections\":%d,\"load\":%s,\"p99_ratio\":%.4f", (i > 1 ? "," : ""),
			quoted(f[1]), quoted(f[2]), quoted(f[3]), f[4], quoted(f[5]), median(p99s[k])
		printf ",\"a_p99_us\":%s,\"b_p99_us\":%s,\"a_longest_us\":%s,\"b_longest_us\":%s,\"a_starved\":%s,\"b_starved\":%s}",
			listed(p99_a[k]), listed(p99_b[k]), listed(longest_a[k]), listed(longest_b[k]), listed(starved_a[k]), listed(starved_b[k])
	}
	printf "],\"idle\":["
	for (i = 1; i <= idles; i++) {
		k = idle[i]
		split(k, f, FS)
		printf "%s\n{\"suite\":%s,\"a\":%s,\"b\":%s,\"goal_at_most\":%s", (i > 1 ? "," : ""),
			quoted(f[1]), quoted(f[2]), quoted(f[3]), (f[5] == "-" ? "null" : f[5])
		printf ",\"a_held\":%s,\"b_held\":%s,\"a_octets\":%s,\"b_octets\":%s,\"ratio\":%.4f,\"ratio_min\":%.4f,\"ratio_max\":%.4f,\"busy\":%d}",
			listed(held_a[k]), listed(held_b[k]), listed(idle_a[k]), listed(idle_b[k]),
			median(idle_ratios[k]), least(idle_ratios[k]), greatest(idle_ratios[k]), busy[k]
	}
	printf "],\"footprints\":["
	for (i = 1; i <= starts; i++) {
		k = start[i]
		split(k, f, FS)
		printf "%s\n{\"suite\":%s,\"server\":%s,\"ready_ms\":%s,\"first_kib\":%d,\"children\":%d,\"children_kib\":%d}", (i > 1 ? "," : ""),
			quoted(f[1]), quoted(f[2]), listed(took[k]), roots[k], children[k], kib[k]
	}
	printf "],\"even\":["
	for (i = 1; i <= evens; i++) {
		split(even[i], f, FS)
		printf "%s\n{\"suite\":%s,\"server\":%s,\"load\":%s,\"ratio\":%s}", (i > 1 ? "," : ""),
			quoted(f[1]), quoted(f[2]), quoted(f[3]), (f[4] == "-" ? "null" : f[4])
	}
	printf "],\"missing\":["
	for (i = 1; i <= losses; i++) {
		split(lost[i], f, FS)
		printf "%s\n{\"suite\":%s,\"what\":%s,\"reason\":%s}", (i > 1 ? "," : ""), quoted(f[2]), quoted(f[3]), quoted(f[4])
	}
	print "]}"
}

function as_gate(   i, f, k, missed) {
	for (i = 1; i <= pairs; i++) {
		k = pair[i]
		split(k, f, FS)
		if (f[6] == "-" || median(rates[k]) >= f[6] + 0 && !errors_a[k]) continue
		printf "%s: %s / %s: %.2f, the goal is %s, %d errors\n", f[1], f[2], f[3], median(rates[k]), f[6], errors_a[k]
		missed++
	}
	exit missed > 0
}

END { if (form == "json") as_json(); else if (form == "gate") as_gate(); else as_markdown() }
