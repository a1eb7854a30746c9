package accesslog

import (
	"fmt"
	"strconv"
	"time"
)

// clf is the time of the Common Log Format, which %t writes.
const clf = "[%d/%b/%Y:%H:%M:%S %z]"

// layout is a strftime text taken apart. A piece is a conversion or text.
type layout []piece

type piece struct {
	conversion byte // 0 for text
	text       string
}

// conversions are those that strftime knows here. ':' stands for %:z.
const conversions = "aAbBcCdDeFgGhHIjklmMpPrRsStTuUVwWxXyYzZ%"

// composed are the conversions that stand for several others.
var composed = map[byte]string{
	'c': "%a %b %e %H:%M:%S %Y", 'D': "%m/%d/%y", 'F': "%Y-%m-%d", 'h': "%b", 'r': "%I:%M:%S %p",
	'R': "%H:%M", 'T': "%H:%M:%S", 'x': "%m/%d/%y", 'X': "%H:%M:%S",
}

// parseLayout takes a strftime text (C locale) apart. The offset in an error
// counts from the beginning of s.
func parseLayout(s string) (layout, int, error) {
	var l layout
	text := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i > text {
			l = append(l, piece{text: s[text:i]})
		}
		at := i
		i++
		if i+1 < len(s) && s[i] == ':' && s[i+1] == 'z' {
			l = append(l, piece{conversion: ':'})
			i++
			text = i + 1
			continue
		}
		if i == len(s) {
			return nil, at, fmt.Errorf("a time ends with %%; a percent sign is written %%%%")
		}
		c := s[i]
		known := false
		for j := range len(conversions) {
			known = known || conversions[j] == c
		}
		if !known {
			return nil, at, fmt.Errorf("times have no %s; they have one of %s after %%, and %%:z", strconv.QuoteToASCII("%"+s[i:i+1]), conversions)
		}
		if parts, ok := composed[c]; ok {
			inner, _, err := parseLayout(parts)
			if err != nil {
				return nil, at, err
			}
			l = append(l, inner...)
		} else {
			l = append(l, piece{conversion: c})
		}
		text = i + 1
	}
	if text < len(s) {
		l = append(l, piece{text: s[text:]})
	}
	return l, 0, nil
}

// append appends t in this layout.
func (l layout) append(dst []byte, t time.Time) []byte {
	for i := range l {
		if l[i].conversion == 0 {
			dst = append(dst, l[i].text...)
		} else {
			dst = appendConversion(dst, l[i].conversion, t)
		}
	}
	return dst
}

func appendConversion(dst []byte, conversion byte, t time.Time) []byte {
	switch conversion {
	case 'a':
		return append(dst, t.Weekday().String()[:3]...)
	case 'A':
		return append(dst, t.Weekday().String()...)
	case 'b':
		return append(dst, t.Month().String()[:3]...)
	case 'B':
		return append(dst, t.Month().String()...)
	case 'C':
		return appendPadded(dst, t.Year()/100, 2, '0')
	case 'd':
		return appendPadded(dst, t.Day(), 2, '0')
	case 'e':
		return appendPadded(dst, t.Day(), 2, ' ')
	case 'g':
		year, _ := t.ISOWeek()
		return appendPadded(dst, year%100, 2, '0')
	case 'G':
		year, _ := t.ISOWeek()
		return appendPadded(dst, year, 4, '0')
	case 'H':
		return appendPadded(dst, t.Hour(), 2, '0')
	case 'I':
		return appendPadded(dst, (t.Hour()+11)%12+1, 2, '0')
	case 'j':
		return appendPadded(dst, t.YearDay(), 3, '0')
	case 'k':
		return appendPadded(dst, t.Hour(), 2, ' ')
	case 'l':
		return appendPadded(dst, (t.Hour()+11)%12+1, 2, ' ')
	case 'm':
		return appendPadded(dst, int(t.Month()), 2, '0')
	case 'M':
		return appendPadded(dst, t.Minute(), 2, '0')
	case 'p', 'P':
		half := byte('A')
		if t.Hour() >= 12 {
			half = 'P'
		}
		if conversion == 'p' {
			return append(dst, half, 'M')
		}
		return append(dst, half|0x20, 'm')
	case 's':
		return strconv.AppendInt(dst, t.Unix(), 10)
	case 'S':
		return appendPadded(dst, t.Second(), 2, '0')
	case 't':
		return append(dst, '\t')
	case 'u':
		return appendPadded(dst, (int(t.Weekday())+6)%7+1, 1, '0')
	case 'U':
		return appendPadded(dst, (t.YearDay()-1+7-int(t.Weekday()))/7, 2, '0')
	case 'V':
		_, week := t.ISOWeek()
		return appendPadded(dst, week, 2, '0')
	case 'w':
		return appendPadded(dst, int(t.Weekday()), 1, '0')
	case 'W':
		return appendPadded(dst, (t.YearDay()-1+7-(int(t.Weekday())+6)%7)/7, 2, '0')
	case 'y':
		return appendPadded(dst, t.Year()%100, 2, '0')
	case 'Y':
		return appendPadded(dst, t.Year(), 4, '0')
	case 'z', ':':
		_, east := t.Zone()
		sign := byte('+')
		if east < 0 {
			sign, east = '-', -east
		}
		dst = appendPadded(append(dst, sign), east/3600, 2, '0')
		if conversion == ':' {
			dst = append(dst, ':')
		}
		return appendPadded(dst, east%3600/60, 2, '0')
	case 'Z':
		zone, _ := t.Zone()
		return appendEscaped(dst, []byte(zone))
	}
	return append(dst, '%')
}

// appendPadded appends n, which is not negative, with at least width digits.
func appendPadded(dst []byte, n, width int, pad byte) []byte {
	for limit := 10; width > 1; width, limit = width-1, limit*10 {
		if n < limit {
			for ; width > 1; width-- {
				dst = append(dst, pad)
			}
			break
		}
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
