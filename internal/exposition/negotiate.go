package exposition

import (
	"mime"
	"strconv"
	"strings"
)

// The types of both formats.
const (
	textType        = "text/plain; version=0.0.4; charset=utf-8"
	openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// Negotiate chooses the format for the value of a scraper's Accept field and
// returns its type: OpenMetrics if the scraper prefers that to text, else
// Prometheus's, also if it asks for something that is not there.
func Negotiate(accept string) (contentType string, openMetrics bool) {
	var open, text float64
	for _, one := range strings.Split(accept, ",") {
		name, parameters, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}
		q := 1.0
		if given, ok := parameters["q"]; ok {
			if q, err = strconv.ParseFloat(given, 64); err != nil || q < 0 || q > 1 {
				continue
			}
		}
		switch v := parameters["version"]; {
		case name == "application/openmetrics-text" && (v == "" || v == "1.0.0" || v == "0.0.1"):
			open = max(open, q)
		case name == "text/plain", name == "text/*", name == "*/*":
			text = max(text, q)
		}
	}
	if open > 0 && open >= text {
		return openMetricsType, true
	}
	return textType, false
}
