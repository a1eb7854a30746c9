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
function ratio(a, b) { return b > 0 ? a / b : 0 }
function quoted(text) { gsub(/["\\]/, "\\\\&", text); return "\"" text "\"" }
function listed(text) { gsub(/^ +/, "", text); gsub(/ +/, ",", text); return "[" text "]" }

$1 == "round" {
	key = $2 FS $3 FS $4 FS $5 FS $6 FS $7
	if (!(key in rounds_of)) pair[++pairs] = key
	rounds_of[key]++
	rate_a[key] = rate_a[key] " " $9;  cpu_a[key] = cpu_a[key] " " $10; errors_a[key] += $11
	rate_b[key] = rate_b[key] " " $12; cpu_b[key] = cpu_b[key] " " $13; errors_b[key] += $14
	rates[key] = rates[key] " " sprintf("%.4f", ratio($9, $12))
	cpus[key] = cpus[key] " " sprintf("%.4f", ratio($10, $13))
}
$1 == "start" {
	key = $2 FS $3
	if (!(key in took)) start[++starts] = key
	took[key] = took[key] " " sprintf("%.3f", $5 / 1000)
}
$1 == "memory" { key = $2 FS $3; roots[key] = $4; children[key] = $5; kib[key] = $6 }
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
		printf ",\"a_rate\":%s,\"b_rate\":%s,\"a_cpu_us\":%s,\"b_cpu_us\":%s,\"a_errors\":%d,\"b_errors\":%d}",
			listed(rate_a[k]), listed(rate_b[k]), listed(cpu_a[k]), listed(cpu_b[k]), errors_a[k], errors_b[k]
	}
	printf "],\"footprints\":["
	for (i = 1; i <= starts; i++) {
		k = start[i]
		split(k, f, FS)
		printf "%s\n{\"suite\":%s,\"server\":%s,\"ready_ms\":%s,\"first_kib\":%d,\"children\":%d,\"children_kib\":%d}", (i > 1 ? "," : ""),
			quoted(f[1]), quoted(f[2]), listed(took[k]), roots[k], children[k], kib[k]
	}
	printf "],\"missing\":["
	for (i = 1; i <= losses; i++) {
		split(lost[i], f, FS)
		printf "%s\n{\"suite\":%s,\"what\":%s,\"reason\":%s}", (i > 1 ? "," : ""), quoted(f[2]), quoted(f[3]), quoted(f[4])
	}
	print "]}"
}

END { if (form == "json") as_json(); else as_markdown() }
