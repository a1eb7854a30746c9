package files

import (
	"mime"
	"path"
	"strings"
)

// octets is the media type of what is not known (RFC 2046 section 4.5.1).
const octets = "application/octet-stream"

// media are the types of the web, by extension, so that they are the same on
// every machine. Text is taken to be UTF-8. JavaScript: RFC 9239.
var media = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".txt": "text/plain; charset=utf-8", ".text": "text/plain; charset=utf-8",
	".md": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".tsv": "text/tab-separated-values; charset=utf-8",
	".vtt": "text/vtt; charset=utf-8", ".ics": "text/calendar; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".jsonld": "application/ld+json",
	".geojson": "application/geo+json", ".webmanifest": "application/manifest+json",
	".xml": "application/xml", ".xsl": "application/xml", ".xhtml": "application/xhtml+xml",
	".rss": "application/rss+xml", ".atom": "application/atom+xml",
	".wasm": "application/wasm", ".pdf": "application/pdf",
	".zip": "application/zip", ".gz": "application/gzip", ".zst": "application/zstd",
	".tar": "application/x-tar", ".bz2": "application/x-bzip2", ".xz": "application/x-xz",
	".7z":  "application/x-7z-compressed",
	".svg": "image/svg+xml", ".svgz": "application/gzip", ".png": "image/png", ".apng": "image/apng",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".avif": "image/avif", ".jxl": "image/jxl", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff",
	".ico":  "image/vnd.microsoft.icon",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf",
	".eot": "application/vnd.ms-fontobject",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".oga": "audio/ogg", ".ogg": "audio/ogg",
	".opus": "audio/ogg", ".wav": "audio/wav", ".flac": "audio/flac", ".weba": "audio/webm",
	".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg",
	".mov": "video/quicktime", ".ts": "video/mp2t", ".m3u8": "application/vnd.apple.mpegurl",
	".mpd": "application/dash+xml", ".torrent": "application/x-bittorrent",
}

// mediaType is the type of the file called name: by own, then by the built-in
// table, then by what the system knows.
func mediaType(name string, own map[string]string) string {
	ext := strings.ToLower(path.Ext(name))
	if ext == "" {
		return octets
	}
	if t, ok := own[ext]; ok {
		return t
	}
	if t, ok := media[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" && fieldValue(t) {
		return t
	}
	return octets
}

// compressible tells whether files of a type usually become smaller.
func compressible(mediaType string) bool {
	t, _, _ := strings.Cut(mediaType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	if strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+json") || strings.HasSuffix(t, "+xml") {
		return true
	}
	switch t {
	case "application/json", "application/javascript", "application/xml", "application/wasm",
		"application/vnd.ms-fontobject", "font/ttf", "font/otf", "image/bmp",
		"image/vnd.microsoft.icon", "image/x-icon", "application/vnd.apple.mpegurl":
		return true
	}
	return false
}
